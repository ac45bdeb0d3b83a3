import type { FileObject } from "@qwen3-vl/shared/files";

/** A file that is whole. Times are milliseconds since 1970. */
export interface StoredFile {
  id: string;
  objectKey: string;
  filename: string;
  purpose: string;
  /** By its first bytes. */
  type: string;
  bytes: number;
  /** Lower-case hex; null where nobody told it. */
  sha256: string | null;
  /** With its quotes. */
  etag: string;
  createdAt: number;
  expiresAt: number | null;
}

const seconds = (milliseconds: number) => Math.floor(milliseconds / 1000);

export function toFileObject(file: StoredFile): FileObject {
  return {
    id: file.id,
    object: "file",
    bytes: file.bytes,
    created_at: seconds(file.createdAt),
    expires_at: file.expiresAt === null ? null : seconds(file.expiresAt),
    filename: file.filename,
    purpose: file.purpose,
    status: "processed",
    mime_type: file.type,
  };
}
