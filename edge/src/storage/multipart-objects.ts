import { etagOf, orUndefined } from "./objects.ts";
import { S3Error } from "./s3-client.ts";
import type { S3Client } from "./s3-client.ts";
import { elementsOf, escapeXml, textOfTag } from "./s3-xml.ts";

/** A part that the storage has. */
export interface StoredPart {
  partNumber: number;
  /** With its quotes. */
  etag: string;
}

/** @returns the id of the multipart upload */
export async function createMultipart(s3: S3Client, key: string, type: string): Promise<string> {
  const headers = { "Content-Type": type };
  const response = await s3.send({ method: "POST", key, query: { uploads: "" }, headers });
  const id = textOfTag(await response.text(), "UploadId");
  if (id === undefined) {
    throw new Error("The storage's answer to CreateMultipartUpload has no UploadId.");
  }
  return id;
}

export async function putPart(
  s3: S3Client,
  key: string,
  { multipartId, partNumber, body, signal }: PartToPut,
): Promise<StoredPart> {
  const query = { uploadId: multipartId, partNumber: String(partNumber) };
  const response = await s3.send({ method: "PUT", key, query, body, signal });
  await response.body?.cancel();
  return { partNumber, etag: etagOf(response) };
}

interface PartToPut {
  multipartId: string;
  partNumber: number;
  body: Uint8Array<ArrayBuffer>;
  signal?: AbortSignal | undefined;
}

/** The parts that are there; undefined where the storage cannot tell, as Miniflare's. */
export async function listParts(
  s3: S3Client,
  key: string,
  multipartId: string,
): Promise<StoredPart[] | undefined> {
  const query = { uploadId: multipartId, "max-parts": "1000" };
  const response = await orUndefined(s3.send({ method: "GET", key, query }), 501);
  if (response === undefined) {
    return undefined;
  }
  return elementsOf(await response.text(), "Part").map((part) => ({
    partNumber: Number(textOfTag(part, "PartNumber")),
    etag: textOfTag(part, "ETag") ?? "",
  }));
}

/** @throws S3Error `NoSuchUpload` when it was completed or aborted before, `InvalidPart` for a wrong ETag */
export async function completeMultipart(
  s3: S3Client,
  key: string,
  multipartId: string,
  parts: readonly StoredPart[],
): Promise<void> {
  const list = parts.map(
    ({ partNumber, etag }) =>
      `<Part><PartNumber>${partNumber}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
  );
  const body = `<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`;
  const query = { uploadId: multipartId };
  const headers = { "Content-Type": "application/xml" };
  const response = await s3.send({ method: "POST", key, query, headers, body });
  const xml = await response.text();
  // AWS answers 200 before it has put the parts together, and tells a failure in the body.
  if (xml.includes("<Error>")) {
    throw new S3Error(500, textOfTag(xml, "Code") ?? "unknown", "The parts were not put together.");
  }
}

/** What is not there is aborted already. */
export async function abortMultipart(
  s3: S3Client,
  key: string,
  multipartId: string,
): Promise<void> {
  const query = { uploadId: multipartId };
  const response = await orUndefined(s3.send({ method: "DELETE", key, query }), 404);
  await response?.body?.cancel();
}
