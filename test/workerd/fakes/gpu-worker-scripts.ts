import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

import { formatComment, formatEvent } from "@qwen3-vl/shared/sse";
import {
  COMPLETION_TOKENS_HEADER,
  formatMediaUsage,
  formatPromptUsage,
  MEDIA_USAGE_HEADER,
  PROMPT_USAGE_HEADER,
  REASONING_TOKENS_HEADER,
  reasoningComment,
} from "@qwen3-vl/shared/worker-protocol";

import type { RecordedCall } from "./gpu-worker.ts";

type Script = (call: RecordedCall, response: ServerResponse) => Promise<void> | void;

const SCRIPTS: Record<string, Script> = {
  answers,
  "answers-at-length": answersAtLength,
  "never-ends": neverEnds,
  "breaks-off": breaksOff,
  overloaded: (_, response) =>
    refuse(response, 503, { "Content-Type": "application/json", "Retry-After": "7" }),
  "refuses-signature": (_, response) =>
    refuse(response, 401, { "Content-Type": "application/json" }),
  "is-a-page": (_, response) => refuse(response, 502, { "Content-Type": "text/html" }),
};

/** Answers as the script that the request's model names. */
export async function runScript(call: RecordedCall, response: ServerResponse): Promise<void> {
  const script = SCRIPTS[call.body.model];
  if (script === undefined) {
    throw new Error(`no script ${call.body.model}`);
  }
  await script(call, response);
}

const HEADERS = {
  [PROMPT_USAGE_HEADER]: formatPromptUsage({ prompt: 84, cached: 16, image: 64, video: 0 }),
  [MEDIA_USAGE_HEADER]: formatMediaUsage({ pixels: 50_176, video_ms: 0, frames: 0 }),
  "X-Internal": "not for clients",
};
const STREAM_HEADERS = { ...HEADERS, "Content-Type": "text/event-stream; charset=utf-8" };

/** What `answers` streams; the tests compare byte for byte. */
const EVENTS = [
  formatComment("ping"),
  formatEvent({ id: "1", data: '{"choices":[{"delta":{"content":"Zwei Körbe 🧺"}}]}' }),
  formatComment(reasoningComment(3)),
  formatEvent({ id: "7", data: '{"choices":[{"delta":{"content":" und ein Glas."}}]}' }),
  formatEvent({ data: "[DONE]" }),
].join("");

const WHOLE = '{"object":"chat.completion" }\n';

async function answers({ body }: RecordedCall, response: ServerResponse): Promise<void> {
  if (!body.stream) {
    response.writeHead(200, {
      ...HEADERS,
      "Content-Type": "application/json",
      "Content-Length": String(WHOLE.length),
      [COMPLETION_TOKENS_HEADER]: "7",
      [REASONING_TOKENS_HEADER]: "3",
    });
    response.end(WHOLE);
    return;
  }
  response.writeHead(200, STREAM_HEADERS);
  // Pieces of 11 bytes: borders within lines and within characters.
  const bytes = Buffer.from(EVENTS);
  for (let start = 0; start < bytes.length; start += 11) {
    response.write(bytes.subarray(start, start + 11));
    await delay(1);
  }
  response.end();
}

/** More than the edge keeps for repeats. */
function answersAtLength(_call: RecordedCall, response: ServerResponse): void {
  response.writeHead(200, { ...HEADERS, "Content-Type": "application/json" });
  response.end(`"${"x".repeat(9 * 2 ** 20)}"`);
}

async function neverEnds(call: RecordedCall, response: ServerResponse): Promise<void> {
  if (!call.body.stream) {
    return; // not even headers
  }
  response.writeHead(200, STREAM_HEADERS);
  while (!response.closed) {
    call.completionTokens++;
    response.write(formatEvent({ id: String(call.completionTokens), data: "{}" }));
    await delay(20);
  }
}

async function breaksOff(_call: RecordedCall, response: ServerResponse): Promise<void> {
  response.writeHead(200, STREAM_HEADERS);
  response.write(formatEvent({ id: "2", data: "{}" }));
  await delay(50);
  response.destroy();
}

function refuse(response: ServerResponse, status: number, headers: Record<string, string>): void {
  response.writeHead(status, headers);
  response.end('{"error":{"message":"from the worker"}}');
}
