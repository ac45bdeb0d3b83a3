import { ApiError } from "@qwen3-vl/shared/errors";
import { SIGNATURE_HEADER, signCall } from "@qwen3-vl/shared/signature";

/** Where a GPU worker is and what proves to it that a call is ours. */
export interface GpuWorker {
  url: URL;
  secret: string;
}

/** HMAC-SHA-256 wants a secret of at least its own 32 bytes. */
const MIN_SECRET_LENGTH = 32;

const RETRY_AFTER_SECONDS = 5;

/** @throws Error when the deployment lacks a proper secret or URL: no call is ever made unsigned. */
export function toGpuWorker(url: string, secret: string | undefined): GpuWorker {
  const length = secret?.length ?? 0;
  if (secret === undefined || length < MIN_SECRET_LENGTH) {
    throw new Error(
      `GPU_WORKER_SECRET has ${length} characters, expected at least ${MIN_SECRET_LENGTH}`,
    );
  }
  return { url: new URL(url), secret };
}

export interface GpuWorkerCall {
  method: "GET" | "POST";
  /** Absolute path without query. */
  path: string;
  /** What the signature covers: the part `request` of a multipart body, else empty. */
  signedContent?: string;
  contentType?: string;
  /** Which request of a client it belongs to: what `callHeaders` makes. */
  headers?: Readonly<Record<string, string>>;
  /** Makes the body, each time anew: another worker may have to be asked. */
  body?: () => ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>;
  signal: AbortSignal;
}

/**
 * Sends a signed call and resolves to the worker's answer, whatever its status.
 *
 * @throws ApiError `overloaded` when no worker answers; the signal's reason when that aborted.
 */
export async function callGpuWorker(worker: GpuWorker, call: GpuWorkerCall): Promise<Response> {
  const url = new URL(call.path, worker.url);
  const { method, signedContent: content = "", contentType, body, signal } = call;
  const signed = { method, path: url.pathname, content };
  const headers = new Headers({
    ...call.headers,
    [SIGNATURE_HEADER]: await signCall(worker.secret, signed, new Date()),
  });
  if (contentType !== undefined) {
    headers.set("Content-Type", contentType);
  }
  const response = await reach(url, {
    method,
    headers,
    signal,
    redirect: "manual",
    ...(body === undefined ? {} : { body: body() }),
  });
  await assertWorkersOwn(response);
  return response;
}

async function reach(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw unavailable(cause);
  }
}

/** What stands in front of a worker that is down (a tunnel, a load balancer) answers with a page. */
async function assertWorkersOwn({ status, headers, body }: Response): Promise<void> {
  const type = headers.get("Content-Type") ?? "none";
  if (status === 401) {
    await body?.cancel();
    throw new Error("The GPU worker refused the signature: its secret or its clock differs.");
  }
  if (!/^(?:application\/json|text\/event-stream)\b/i.test(type)) {
    await body?.cancel();
    throw unavailable(new Error(`status ${status} of content type ${type}`));
  }
}

function unavailable(cause: unknown): ApiError {
  return new ApiError("overloaded", "No GPU worker is available now; try again shortly.", {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause,
  });
}
