/** OpenAI's Files, as the edge answers and reads them. Times are seconds since 1970. */
import * as z from "zod";

export const FilePurpose = z
  .enum(["vision", "user_data"], { error: 'expected "vision" or "user_data"' })
  .describe("What a file may be for; both mean the same here.");

/** OpenAI's bounds: an hour and 30 days. */
export const ExpiresAfter = z.strictObject({
  anchor: z.literal("created_at"),
  seconds: z.int().min(3600).max(2_592_000).describe("From then on; an hour to 30 days."),
});
export type ExpiresAfter = z.infer<typeof ExpiresAfter>;

export const Filename = z
  .string()
  .min(1)
  .max(255)
  // oxlint-disable-next-line no-control-regex -- control characters are what it refuses
  .regex(/^[^\u0000-\u001f\u007f/\\]+$/, "expected a name without slashes and control characters")
  .describe("A name for people, without slashes and control characters.");

const unixSeconds = z.int().nonnegative();

/** A file that is whole. */
export const FileObject = z.object({
  id: z.string().describe("`file-…`: what messages name in the place of a URL."),
  object: z.literal("file"),
  bytes: z.int().positive(),
  created_at: unixSeconds,
  expires_at: unixSeconds.nullable().describe("When it is removed; null where it stays."),
  filename: z.string(),
  purpose: z.string(),
  status: z.literal("processed").describe("OpenAI's own field, deprecated there."),
  mime_type: z.string().describe("By its first bytes."),
});
export type FileObject = z.infer<typeof FileObject>;

/** Answer of `DELETE /v1/files/{id}`. */
export const FileDeleted = z.object({
  id: z.string(),
  object: z.literal("file"),
  deleted: z.literal(true),
});
export type FileDeleted = z.infer<typeof FileDeleted>;

/** Answer of `GET /v1/files`. */
export const FileList = z.object({
  object: z.literal("list"),
  data: z.array(FileObject),
  first_id: z.string().nullable(),
  last_id: z.string().nullable().describe("For `after`, where `has_more`."),
  has_more: z.boolean(),
});
export type FileList = z.infer<typeof FileList>;

/** Query of `GET /v1/files`. */
export const ListFiles = z.strictObject({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(1000)
    .describe("Files of a page, 1000 at most whatever is asked for; `has_more` tells of others."),
  order: z.enum(["asc", "desc"]).default("desc").describe("By the time they were made."),
  after: z.string().optional().describe("The last id of the page before."),
  purpose: FilePurpose.optional().describe("Files of this purpose only."),
});

/** The ids under which messages name files. */
export const FILE_ID = /^file-[\da-f]{24}$/;

export const isFileId = (url: string) => url.startsWith("file-");
