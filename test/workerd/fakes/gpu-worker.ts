/**
 * A GPU worker that follows a script instead of a model: the request's `model` names the script.
 * `GET /__calls?prompt=…` tells what it was asked, by the text of the first message, and
 * `GET /__mode?is=…` makes it a worker that is busy or down.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

import { parseChatRequest } from "@qwen3-vl/shared/chat";
import type { ChatRequest } from "@qwen3-vl/shared/chat";
import type { FetchPolicy } from "@qwen3-vl/shared/fetch-policy";
import { NO_MEDIA } from "@qwen3-vl/shared/media-figures";
import { sha256Hex, SIGNATURE_HEADER, verifyCall } from "@qwen3-vl/shared/signature";
import { TRACEPARENT_HEADER, TRACESTATE_HEADER } from "@qwen3-vl/shared/traceparent";
import { toUsage } from "@qwen3-vl/shared/usage";
import { REQUEST_ID_HEADER, WorkerRequest } from "@qwen3-vl/shared/worker-protocol";
import type { RequestRecord, StoredMedium } from "@qwen3-vl/shared/worker-protocol";
import { WEBHOOK_ATTEMPTS_PATH } from "@qwen3-vl/shared/worker-webhooks";

import { runScript } from "./gpu-worker-scripts.ts";
import { postWebhook } from "./gpu-worker-webhooks.ts";
import { GPU_WORKER_SECRET } from "./secret.ts";
import { answerFor, isWorkerMode } from "./worker-mode.ts";
import type { WorkerMode } from "./worker-mode.ts";

/** What the worker saw of one request. */
export interface RecordedCall {
  id: string;
  prompt: string;
  /** The headers of those names. */
  traceparent: string | null;
  tracestate: string | null;
  requestId: string | null;
  body: ChatRequest;
  /** What it may fetch itself. */
  fetch: FetchPolicy | null;
  media: { name: string; type: string; bytes: number }[];
  /** Those that it fetched, and that were as announced. */
  stored: { name: string; type: string; bytes: number }[];
  /** The edge closed the connection before the answer was whole. */
  wasClosed: boolean;
  wasAborted: boolean;
  completionTokens: number;
  state: RequestRecord["state"];
}

interface FakeWorker {
  calls: Map<string, RecordedCall>;
  mode: WorkerMode;
  /** Calls that came while it was not up. */
  refused: number;
}

/** The worker's routes over a memory of calls of its own. */
export function handleGpuWorkerCall(): RequestListener {
  const worker: FakeWorker = { calls: new Map(), mode: "up", refused: 0 };
  return (request, response) => {
    route(worker, request, response).catch((error: unknown) => {
      sendJson(response, 400, { error: { message: String(error) } });
    });
  };
}

async function route(
  worker: FakeWorker,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { calls } = worker;
  const url = new URL(request.url ?? "/", "http://fake");
  const askedId = /^\/v1\/requests\/([\w-]+)$/.exec(url.pathname)?.[1];
  const abortedId = /^\/v1\/requests\/([\w-]+)\/abort$/.exec(url.pathname)?.[1];
  if (url.pathname === "/__calls") {
    const prompt = url.searchParams.get("prompt");
    sendJson(
      response,
      200,
      [...calls.values()].filter((call) => call.prompt === prompt),
    );
  } else if (url.pathname === "/__mode") {
    const mode = url.searchParams.get("is");
    const { refused } = worker;
    Object.assign(worker, isWorkerMode(mode) ? { mode, refused: 0 } : {});
    sendJson(response, 200, { refused });
  } else if (answerFor(worker.mode, response)) {
    worker.refused++;
    request.resume();
  } else if (url.pathname === "/v1/chat/completions") {
    const call = await receive(request);
    calls.set(call.id, call);
    response.on("close", () => {
      call.wasClosed = !response.writableFinished;
      call.state = call.wasClosed ? "aborted" : "answered";
    });
    await runScript(call, response);
  } else if (url.pathname === WEBHOOK_ATTEMPTS_PATH) {
    await postWebhook(request, response);
  } else if (askedId !== undefined && request.method === "GET") {
    await verify(request, url.pathname, "");
    sendRecord(calls.get(askedId), response);
  } else if (abortedId === undefined) {
    await verify(request, url.pathname, "");
    sendJson(response, 200, { path: request.url });
  } else {
    await verify(request, url.pathname, await text(request));
    abort(calls.get(abortedId), response);
  }
}

/** Reads the multipart body and checks the signature and each digest. */
async function receive(request: IncomingMessage): Promise<RecordedCall> {
  const form = await new Response(request, {
    headers: { "Content-Type": request.headers["content-type"] ?? "" },
  }).formData();
  const signed = form.get("request");
  if (typeof signed !== "string") {
    throw new TypeError("part request is not text");
  }
  await verify(request, "/v1/chat/completions", signed);
  const { id, body, media, stored, fetch = null } = WorkerRequest.parse(JSON.parse(signed));
  for (const { name, bytes, sha256, type } of media) {
    const file = form.get(name);
    if (!(file instanceof File) || file.size !== bytes || file.type !== type) {
      throw new Error(`part ${name} is not the file that was announced`);
    }
    if ((await sha256Hex(new Uint8Array(await file.arrayBuffer()))) !== sha256) {
      throw new Error(`part ${name} has another digest than was signed`);
    }
  }
  await Promise.all(stored.map(fetchStored));
  const parsed = parseChatRequest(body);
  const seen = {
    wasClosed: false,
    wasAborted: false,
    completionTokens: 0,
    state: "running" as const,
  };
  const header = (name: string) => {
    const value = request.headers[name.toLowerCase()];
    return value === undefined ? null : String(value);
  };
  const told = {
    traceparent: header(TRACEPARENT_HEADER),
    tracestate: header(TRACESTATE_HEADER),
    requestId: header(REQUEST_ID_HEADER),
  };
  return { id, prompt: promptOf(parsed), ...told, body: parsed, media, stored, fetch, ...seen };
}

async function fetchStored({ name, url, bytes, sha256, etag }: StoredMedium): Promise<void> {
  const answer = await fetch(url, { redirect: "error" });
  const content = new Uint8Array(await answer.arrayBuffer());
  const isWhole = content.length === bytes && answer.headers.get("ETag") === etag;
  if (!isWhole || (sha256 !== null && (await sha256Hex(content)) !== sha256)) {
    throw new Error(`${name} in the bucket is not what was announced`);
  }
}

async function verify(request: IncomingMessage, path: string, content: string): Promise<void> {
  const header = request.headers[SIGNATURE_HEADER.toLowerCase()];
  const call = { method: request.method ?? "", path, content };
  await verifyCall(GPU_WORKER_SECRET, call, String(header), new Date());
}

function abort(call: RecordedCall | undefined, response: ServerResponse): void {
  if (call !== undefined) {
    call.wasAborted = true;
    call.state = "aborted";
  }
  sendRecord(call, response);
}

/** The exact usage differs from what streamed by 1000, so that a test can tell the two apart. */
function sendRecord(call: RecordedCall | undefined, response: ServerResponse): void {
  if (call === undefined) {
    sendJson(response, 404, { error: { message: "unknown" } });
    return;
  }
  const completion = 1000 + call.completionTokens;
  const prompt = { prompt: 84, cached: 16, image: 64, video: 0, reasoning: 40 };
  const { state } = call;
  const usage = toUsage({ ...prompt, completion });
  sendJson(response, 200, { state, usage, media: MEDIA } satisfies RequestRecord);
}

/** What every request's media amount to here. */
const MEDIA = { ...NO_MEDIA, pixels: 50_176 };

function promptOf({ messages: [first] }: ChatRequest): string {
  const content = first?.content ?? "";
  return typeof content === "string"
    ? content
    : content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}
