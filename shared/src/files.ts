/** OpenAI's Files, as the edge answers and reads them. Times are seconds since 1970. */
import * as z from "zod";

/** What a file may be for; both mean the same here. */
export const FilePurpose = z.enum(["vision", "user_data"], {
  error: 'expected "vision" or "user_data"',
});

/** OpenAI's bounds: an hour and 30 days. */
export const ExpiresAfter = z.strictObject({
  anchor: z.literal("created_at"),
  seconds: z.int().min(3600).max(2_592_000),
});
export type ExpiresAfter = z.infer<typeof ExpiresAfter>;

/** A name for people: without controls, and no path. */
export const Filename = z
  .string()
  .min(1)
  .max(255)
  // oxlint-disable-next-line no-control-regex -- control characters are what it refuses
  .regex(/^[^\u0000-\u001f\u007f/\\]+$/, "expected a name without slashes and control characters");

export interface FileObject {
  id: string;
  object: "file";
  bytes: number;
  created_at: number;
  expires_at: number | null;
  filename: string;
  purpose: string;
  /** OpenAI's own field, deprecated there; clients read it. */
  status: "processed";
  /** By its first bytes. */
  mime_type: string;
}

export interface FileDeleted {
  id: string;
  object: "file";
  deleted: true;
}

/** The ids under which messages name files. */
export const FILE_ID = /^file-[\da-f]{24}$/;

export const isFileId = (url: string) => url.startsWith("file-");
