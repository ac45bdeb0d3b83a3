/**
 * Uploads a large file straight to the storage, in parts that can be sent again, and resumed by
 * another process. This and `retrying.ts` depend on nothing else, in browsers and in Node:
 *
 *     const file = await uploadFile({ baseUrl, apiKey, file: input.files[0], onProgress });
 *     const file = await uploadFile({ baseUrl, apiKey, file: await openAsBlob("film.mp4"), filename: "film.mp4" });
 *
 * Keep what `onStart` tells; passed as `uploadId`, it goes on where the upload broke off. A browser
 * should not hold your API key: let your own server pass on the calls to `baseUrl`, which are small.
 */
import { retrying } from "./retrying.ts";

export interface UploadOptions {
  /** Of the API, with `/v1` at its end. */
  baseUrl: string;
  apiKey: string;
  file: Blob;
  /** Of a `File` its own name unless said. */
  filename?: string;
  /** Of the file, unless said. */
  mimeType?: string;
  purpose?: "vision" | "user_data";
  /** From an hour to 30 days; for ever unless said. */
  expiresAfterSeconds?: number;
  /** Of an upload that broke off. */
  uploadId?: string;
  /** Hears the upload's id before any byte is sent. */
  onStart?: (uploadId: string) => void;
  /** Hears of each part that has arrived, those of an earlier process included. */
  onProgress?: (progress: { sentBytes: number; totalBytes: number }) => void;
  /** Parts on their way at once: each is held in memory. */
  parallel?: number;
  signal?: AbortSignal;
}

/** The file's id is what messages name. */
export interface UploadedFile {
  id: string;
  bytes: number;
  filename: string;
  mime_type: string;
  expires_at: number | null;
}

/** What the API refused. */
export class UploadError extends Error {
  override readonly name = "UploadError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Resolves to the file when the API has verified it. */
export async function uploadFile(options: UploadOptions): Promise<UploadedFile> {
  const api = new Api(options);
  const { file, onStart, onProgress, uploadId } = options;
  const started = uploadId === undefined ? await api.start() : await api.resume(uploadId);
  onStart?.(started.id);
  const sender = new PartSender(api, started, options);
  if (started.put === null) {
    await sender.sendAll();
  } else {
    await putWithRetries(started.put, file, options.signal);
    onProgress?.({ sentBytes: file.size, totalBytes: file.size });
  }
  return api.complete(started.id);
}

interface Put {
  url: string;
  headers: Record<string, string>;
  bytes: number;
}

interface Part extends Put {
  part_number: number;
}

interface SentPart {
  part_number: number;
  etag: string;
  /** Of the part's bytes; the API compares it with what the storage has. */
  sha256: string;
}

interface Started {
  id: string;
  part_size: number;
  part_count: number;
  put: Put | null;
  sent: { part_number: number }[];
  parts: Part[];
}

/** The calls of the API. Its answers are believed: it is the one that we trust with the file. */
class Api {
  readonly #options: UploadOptions;

  constructor(options: UploadOptions) {
    this.#options = options;
  }

  start(): Promise<Started> {
    const { file, filename, mimeType, purpose = "vision", expiresAfterSeconds } = this.#options;
    return this.#post<Omit<Started, "sent">>("", {
      filename: filename ?? ("name" in file ? file.name : "file"),
      bytes: file.size,
      mime_type: mimeType ?? file.type,
      purpose,
      ...(expiresAfterSeconds === undefined
        ? {}
        : { expires_after: { anchor: "created_at", seconds: expiresAfterSeconds } }),
    }).then((upload) => ({ ...upload, sent: [] }));
  }

  /** An upload by one PUT is not resumed but sent again, by another upload. */
  async resume(uploadId: string): Promise<Started> {
    const parts = await this.parts(uploadId, {});
    return { ...parts, id: uploadId, put: null };
  }

  /** Tells of parts that were sent, and asks for the URLs of others. */
  parts(uploadId: string, request: { sent?: SentPart[]; part_numbers?: number[] }) {
    return this.#post<Omit<Started, "id" | "put">>(`/${uploadId}/parts`, request);
  }

  async complete(uploadId: string): Promise<UploadedFile> {
    const { file } = await this.#post<{ file: UploadedFile }>(`/${uploadId}/complete`, {});
    return file;
  }

  async #post<T>(path: string, body: unknown): Promise<T> {
    const { baseUrl, apiKey, signal } = this.#options;
    const response = await retrying(signal, () =>
      fetch(`${baseUrl}/uploads${path}`, {
        method: "POST",
        headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
        body: JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      }),
    );
    const text = await response.text();
    if (!response.ok) {
      throw new UploadError(response.status, text);
    }
    return JSON.parse(text);
  }
}

const DEFAULT_PARALLEL = 3;

/** URLs are asked for in such groups, so that none has expired when it is used. */
const URLS_AT_ONCE = 20;

/** Sends the parts that are missing, some at once. */
class PartSender {
  readonly #api: Api;
  readonly #upload: Started;
  readonly #options: UploadOptions;
  readonly #urls: Part[];
  readonly #missing: number[];
  #sentBytes: number;
  /** Calls that tell of parts go one after another. */
  #telling: Promise<unknown> = Promise.resolve();

  constructor(api: Api, upload: Started, options: UploadOptions) {
    this.#api = api;
    this.#upload = upload;
    this.#options = options;
    const there = new Set(upload.sent.map((part) => part.part_number));
    const all = Array.from({ length: upload.part_count ?? 0 }, (_, index) => index + 1);
    this.#missing = all.filter((part) => !there.has(part));
    this.#urls = upload.parts.filter((part) => !there.has(part.part_number));
    this.#sentBytes = [...there].reduce((sum, part) => sum + this.#slice(part).size, 0);
  }

  async sendAll(): Promise<void> {
    this.#report(0);
    const { parallel = DEFAULT_PARALLEL } = this.#options;
    await Promise.all(Array.from({ length: parallel }, () => this.#sendSome()));
    await this.#telling;
  }

  async #sendSome(): Promise<void> {
    for (let part = this.#missing.shift(); part !== undefined; part = this.#missing.shift()) {
      await this.#send(part);
    }
  }

  async #send(partNumber: number): Promise<void> {
    const bytes = await this.#slice(partNumber).arrayBuffer();
    const sha256 = hex(await crypto.subtle.digest("SHA-256", bytes));
    const url = await this.#urlOf(partNumber);
    const etag = await putWithRetries(url, bytes, this.#options.signal, async () => {
      const { parts } = await this.#api.parts(this.#upload.id, { part_numbers: [partNumber] });
      return parts[0] ?? url;
    });
    const sent = [{ part_number: partNumber, etag, sha256 }];
    this.#telling = this.#telling.then(() =>
      this.#api.parts(this.#upload.id, { sent, part_numbers: [] }),
    );
    await this.#telling;
    this.#report(bytes.byteLength);
  }

  async #urlOf(partNumber: number): Promise<Part> {
    const known = this.#urls.find((part) => part.part_number === partNumber);
    if (known !== undefined) {
      return known;
    }
    const wanted = [partNumber, ...this.#missing.slice(0, URLS_AT_ONCE - 1)];
    const { parts } = await this.#api.parts(this.#upload.id, { part_numbers: wanted });
    this.#urls.push(...parts);
    const found = parts.find((part) => part.part_number === partNumber);
    if (found === undefined) {
      throw new UploadError(500, `the API gave no URL for part ${partNumber}`);
    }
    return found;
  }

  #slice(partNumber: number): Blob {
    const start = (partNumber - 1) * this.#upload.part_size;
    return this.#options.file.slice(start, start + this.#upload.part_size);
  }

  #report(bytes: number): void {
    this.#sentBytes += bytes;
    const totalBytes = this.#options.file.size;
    this.#options.onProgress?.({ sentBytes: this.#sentBytes, totalBytes });
  }
}

const EXPIRED = 403;
/** One PUT is taken once: this one has arrived, and its answer was lost. */
const ALREADY_THERE = 412;

/** @returns the ETag */
async function putWithRetries(
  first: Put,
  body: Blob | ArrayBuffer,
  signal: AbortSignal | undefined,
  renew?: () => Promise<Put>,
): Promise<string> {
  let put = first;
  let renewals = 0;
  for (;;) {
    const { url, headers } = put;
    const init = { method: "PUT", headers, body, ...(signal === undefined ? {} : { signal }) };
    const response = await retrying(signal, () => fetch(url, init));
    await response.text();
    if (response.ok || response.status === ALREADY_THERE) {
      return response.headers.get("ETag") ?? "";
    }
    if (response.status !== EXPIRED || renew === undefined || renewals++ === 1) {
      throw new UploadError(response.status, "the storage does not take the bytes");
    }
    put = await renew();
  }
}

function hex(buffer: ArrayBuffer): string {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
