import type { ErrorCode } from "@qwen3-vl/shared/errors";
import {
  CompleteRequest,
  NewUpload,
  PartsRequest,
  StartedUpload,
  UploadObject,
  UploadParts,
} from "@qwen3-vl/shared/uploads";

import type { NamedSchema, RouteDescription } from "../openapi/route-description.ts";

const json = (name: string, schema: NamedSchema["schema"]) => ({
  "application/json": { name, schema },
});
const shared = { method: "post", tag: "Uploads", access: "api_key" } as const;
const pathParameters = { id: "The upload's id, `upload_…`." };
const BODY_ERRORS = [
  "invalid_request",
  "request_too_large",
  "not_found",
  "overloaded",
] satisfies ErrorCode[];

export const describeUploads: readonly RouteDescription[] = [
  {
    ...shared,
    path: "/v1/uploads",
    id: "createUpload",
    summary: "Begin to send a large file",
    notes:
      "The bytes go straight to the storage, by the call `put` or by one call for each part. An upload that is not completed ends after 24 hours.",
    body: {
      contents: json("CreateUpload", NewUpload),
      example: {
        filename: "clip.mp4",
        bytes: 52_428_800,
        mime_type: "video/mp4",
        purpose: "user_data",
      },
    },
    answer: {
      notes: "The upload, and where its bytes go.",
      contents: json("StartedUpload", StartedUpload),
    },
    errors: [...BODY_ERRORS, "insufficient_quota"],
  },
  {
    ...shared,
    path: "/v1/uploads/{id}/parts",
    id: "getUploadParts",
    summary: "Get more parts to send, or resume",
    pathParameters,
    body: { isOptional: true, contents: json("UploadPartsRequest", PartsRequest) },
    answer: {
      notes: "What is there, and where the next parts go.",
      contents: json("UploadParts", UploadParts),
    },
    errors: [...BODY_ERRORS, "conflict"],
  },
  {
    ...shared,
    path: "/v1/uploads/{id}/complete",
    id: "completeUpload",
    summary: "Make a file of what was sent",
    notes:
      "Compares size, type and checksums with what was said; bytes that differ are removed, and the upload is over. A second call answers the same file.",
    pathParameters,
    body: { isOptional: true, contents: json("CompleteUpload", CompleteRequest) },
    answer: { notes: "The upload, with its file.", contents: json("Upload", UploadObject) },
    errors: [...BODY_ERRORS, "conflict", "invalid_media"],
  },
  {
    ...shared,
    path: "/v1/uploads/{id}/cancel",
    id: "cancelUpload",
    summary: "End an upload and remove what was sent",
    pathParameters,
    answer: { notes: "The upload as it is now.", contents: json("Upload", UploadObject) },
    errors: ["not_found", "conflict", "overloaded"],
  },
];
