import { S3Error } from "./s3-client.ts";
import type { S3Client } from "./s3-client.ts";

/** What the storage tells of an object. */
export interface ObjectFacts {
  bytes: number;
  /** With its quotes. */
  etag: string;
}

export async function putObject(
  s3: S3Client,
  key: string,
  { body, type, signal }: PutOptions,
): Promise<ObjectFacts> {
  const headers = { "Content-Type": type };
  const response = await s3.send({ method: "PUT", key, headers, body, signal });
  await response.body?.cancel();
  return { bytes: body.byteLength, etag: etagOf(response) };
}

interface PutOptions {
  body: Uint8Array<ArrayBuffer>;
  type: string;
  signal?: AbortSignal | undefined;
}

/** Undefined when there is no such object. */
export async function headObject(s3: S3Client, key: string): Promise<ObjectFacts | undefined> {
  const response = await orUndefined(s3.send({ method: "HEAD", key }), 404);
  return response === undefined
    ? undefined
    : { bytes: Number(response.headers.get("Content-Length")), etag: etagOf(response) };
}

/** An object or a range of it; undefined when there is no such object. */
export function getObject(
  s3: S3Client,
  key: string,
  { range, signal }: { range?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Response | undefined> {
  const headers = range === undefined ? {} : { Range: range };
  return orUndefined(s3.send({ method: "GET", key, headers, signal }), 404);
}

/** What is not there is deleted already. */
export async function deleteObject(s3: S3Client, key: string): Promise<void> {
  const response = await orUndefined(s3.send({ method: "DELETE", key }), 404);
  await response?.body?.cancel();
}

export function etagOf({ headers }: Response): string {
  return headers.get("ETag") ?? "";
}

export async function orUndefined<T>(sent: Promise<T>, status: number): Promise<T | undefined> {
  try {
    return await sent;
  } catch (error) {
    if (error instanceof S3Error && error.status === status) {
      return undefined;
    }
    throw error;
  }
}
