/**
 * A backend that answers at once: OpenAI's API for gateways, the worker protocol for our edge. It reads
 * each body to its end and does no more, so that what is measured is in between. Tells its port to its parent.
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";

import {
  COMPLETION_TOKENS_HEADER,
  PROMPT_USAGE_HEADER,
  formatPromptUsage,
} from "@qwen3-vl/shared/worker-protocol";

import { listen } from "../../support/listen.ts";

const TOKENS = 20;
const MODEL = "mock";
const USAGE = { prompt_tokens: 10, completion_tokens: TOKENS, total_tokens: 10 + TOKENS };
const ABOUT = { id: "chatcmpl-1", created: 1, model: MODEL };

const WHOLE = JSON.stringify({
  ...ABOUT,
  object: "chat.completion",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: "word ".repeat(TOKENS) },
      logprobs: null,
      finish_reason: "stop",
    },
  ],
  usage: USAGE,
});

const CHUNKS = Array.from({ length: TOKENS }, (_, index) =>
  JSON.stringify({
    ...ABOUT,
    object: "chat.completion.chunk",
    choices: [
      {
        index: 0,
        delta: { role: "assistant", content: "word " },
        finish_reason: index === TOKENS - 1 ? "stop" : null,
      },
    ],
  }),
);

const USAGE_HEADERS = {
  [PROMPT_USAGE_HEADER]: formatPromptUsage({ prompt: 10, cached: 0, image: 0, video: 0 }),
  [COMPLETION_TOKENS_HEADER]: String(TOKENS),
};

/** The field stands near either end of a body, whoever wrote it; a picture is in between. */
const SEARCHED_BYTES = 4096;

async function asksForStream(incoming: IncomingMessage): Promise<boolean> {
  let head = "";
  let tail = "";
  for await (const chunk of incoming) {
    const bytes = Buffer.from(chunk);
    if (head.length < SEARCHED_BYTES) {
      head += bytes.subarray(0, SEARCHED_BYTES).toString("latin1");
    }
    tail = (tail + bytes.subarray(-SEARCHED_BYTES).toString("latin1")).slice(-SEARCHED_BYTES);
  }
  return /"stream": ?true/.test(head + tail);
}

async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const isOurs = (incoming.headers["content-type"] ?? "").startsWith("multipart/");
  const isStreamed = await asksForStream(incoming);
  if (!isStreamed) {
    const own = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(WHOLE) };
    response.writeHead(200, { ...own, ...USAGE_HEADERS }).end(WHOLE);
    return;
  }
  response.writeHead(200, { "Content-Type": "text/event-stream", ...USAGE_HEADERS });
  for (const [index, chunk] of CHUNKS.entries()) {
    response.write(`${isOurs ? `id: ${index + 1}\n` : ""}data: ${chunk}\n\n`);
    await new Promise(setImmediate); // so that each is a chunk of its own
  }
  response.end("data: [DONE]\n\n");
}

const server = createServer({ keepAliveTimeout: 100_000 }, (incoming, response) => {
  answer(incoming, response).catch(() => response.destroy());
});
process.send?.(await listen(server));
process.once("disconnect", () => process.exit(0));
