import type { ErrorCode } from "@qwen3-vl/shared/errors";
import {
  ExpiresAfter,
  FileDeleted,
  FileList,
  FileObject,
  FilePurpose,
  ListFiles,
} from "@qwen3-vl/shared/files";
import * as z from "zod";

import type { NamedSchema, RouteDescription } from "../openapi/route-description.ts";

const json = (name: string, schema: NamedSchema["schema"]) => ({
  "application/json": { name, schema },
});
const shared = { tag: "Files", access: "api_key" } as const;
const pathParameters = { id: "The file's id, `file-…`." };
const STORAGE_ERRORS = ["not_found", "overloaded"] satisfies ErrorCode[];

/** The fields of the form, as OpenAI's clients write them. */
const FileForm = z.strictObject({
  file: z.file().describe("A picture or clip, with its name."),
  purpose: FilePurpose,
  "expires_after[anchor]": ExpiresAfter.shape.anchor.optional(),
  "expires_after[seconds]": ExpiresAfter.shape.seconds.optional(),
});

export const describeFiles: readonly RouteDescription[] = [
  {
    ...shared,
    method: "post",
    path: "/v1/files",
    id: "createFile",
    summary: "Store a picture or clip",
    notes:
      "Messages then name it by its id in the place of a URL. Larger files go by `POST /v1/uploads`.",
    body: { contents: { "multipart/form-data": { name: "CreateFile", schema: FileForm } } },
    answer: { notes: "The file.", contents: json("File", FileObject) },
    errors: [
      ...STORAGE_ERRORS,
      "invalid_request",
      "invalid_media",
      "request_too_large",
      "insufficient_quota",
    ],
  },
  {
    ...shared,
    method: "get",
    path: "/v1/files",
    id: "listFiles",
    summary: "List files",
    query: ListFiles,
    answer: {
      notes: "One page of the files of the key's owner.",
      contents: json("FileList", FileList),
    },
    errors: ["invalid_request", "not_found"],
  },
  {
    ...shared,
    method: "get",
    path: "/v1/files/{id}",
    id: "getFile",
    summary: "Show a file",
    pathParameters,
    answer: { notes: "The file.", contents: json("File", FileObject) },
    errors: ["not_found"],
  },
  {
    ...shared,
    method: "get",
    path: "/v1/files/{id}/content",
    id: "getFileContent",
    summary: "Read a file's bytes",
    pathParameters,
    headers: { Range: "`bytes=…`: a range of the file, which comes with status 206." },
    answer: {
      notes: "The bytes, of the file's own type.",
      contents: { "image/*": "binary", "video/*": "binary" },
    },
    errors: STORAGE_ERRORS,
  },
  {
    ...shared,
    method: "delete",
    path: "/v1/files/{id}",
    id: "deleteFile",
    summary: "Delete a file",
    pathParameters,
    answer: { notes: "It is deleted.", contents: json("FileDeleted", FileDeleted) },
    errors: STORAGE_ERRORS,
  },
];
