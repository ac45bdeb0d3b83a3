import { ApiError } from "@qwen3-vl/shared/errors";
import { AwsV4Signer } from "aws4fetch";

import { textOfTag } from "./s3-xml.ts";

/** A bucket of any storage that speaks S3, and who we are to it. */
export interface S3Settings {
  /** Without a slash at its end; the bucket stands in the path, which R2, AWS and MinIO all take. */
  endpoint: string;
  bucket: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}

export interface S3Call {
  method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  key: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
  signal?: AbortSignal | undefined;
}

export interface PresignedCall extends Omit<S3Call, "body" | "signal"> {
  /** Lifetime of the URL. */
  seconds: number;
}

/** What the storage refused, by its own code, such as `NoSuchUpload`. */
export class S3Error extends Error {
  override readonly name = "S3Error";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The storage may be busy for a moment; a client waits all the while. */
const ATTEMPTS = 3;
const RETRY_MS = 200;
const RETRY_AFTER_SECONDS = 5;

/** Signed calls to one bucket, and URLs by which others may make them. */
export class S3Client {
  readonly #settings: S3Settings;
  /** Signing keys by day, as the signer keeps them. */
  readonly #signingKeys = new Map<string, ArrayBuffer>();

  constructor(settings: S3Settings) {
    this.#settings = settings;
  }

  /**
   * The answer to a call, which is a success.
   *
   * @throws S3Error for what the storage refuses, ApiError `overloaded` when it does not answer
   */
  async send(call: S3Call): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const response = await this.#attempt(call);
      if (response?.ok === true) {
        return response;
      }
      if (response !== undefined && response.status < 500) {
        throw await toS3Error(response);
      }
      const refusal = response === undefined ? undefined : await toS3Error(response);
      if (refusal?.status === NOT_IMPLEMENTED) {
        throw refusal;
      }
      if (attempt === ATTEMPTS) {
        throw unavailable(refusal);
      }
      await new Promise((resolve) => {
        setTimeout(resolve, RETRY_MS * attempt);
      });
      call.signal?.throwIfAborted();
    }
  }

  /** A URL by which whoever has it may make this one call, with exactly these headers. */
  async presign({
    method,
    key,
    query = {},
    headers = {},
    seconds,
  }: PresignedCall): Promise<string> {
    const url = this.#url(key, { ...query, "X-Amz-Expires": String(seconds) });
    const signer = this.#signer({ method, url, headers, signQuery: true });
    return (await signer.sign()).url.href;
  }

  async #attempt({ method, key, query = {}, headers = {}, body, signal }: S3Call) {
    const url = this.#url(key, query);
    const signer = this.#signer({ method, url, headers, signQuery: false });
    const signed = await signer.sign();
    try {
      return await fetch(signed.url, {
        method,
        headers: signed.headers,
        redirect: "manual",
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch {
      signal?.throwIfAborted();
      return undefined; // the network's failure: worth another attempt
    }
  }

  #signer(call: {
    method: string;
    url: string;
    headers: Record<string, string>;
    signQuery: boolean;
  }) {
    const { region, accessKeyId, secretAccessKey } = this.#settings;
    const identity = { accessKeyId, secretAccessKey, region, service: "s3" };
    return new AwsV4Signer({ ...call, ...identity, allHeaders: true, cache: this.#signingKeys });
  }

  #url(key: string, query: Record<string, string>): string {
    const { endpoint, bucket } = this.#settings;
    const url = new URL(`${endpoint}/${bucket}/${key}`);
    for (const [name, value] of Object.entries(query)) {
      url.searchParams.set(name, value);
    }
    return url.href;
  }
}

const NOT_IMPLEMENTED = 501;

/** Of a refusal's XML, which is small. */
const MAX_SHOWN_MESSAGE = 200;

async function toS3Error(response: Response): Promise<S3Error> {
  const xml = await response.text();
  const code = textOfTag(xml, "Code") ?? String(response.status);
  const message = textOfTag(xml, "Message")?.slice(0, MAX_SHOWN_MESSAGE) ?? "";
  return new S3Error(response.status, code, `The storage answered ${code}. ${message}`);
}

function unavailable(cause: unknown): ApiError {
  return new ApiError("overloaded", "The file storage is not available now; try again shortly.", {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause,
  });
}
