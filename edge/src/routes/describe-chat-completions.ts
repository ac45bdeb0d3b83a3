import { ChatRequest } from "@qwen3-vl/shared/chat";
import { ChatCompletion, ChatCompletionChunk } from "@qwen3-vl/shared/chat-completion";
import type { ErrorCode } from "@qwen3-vl/shared/errors";
import { Estimate } from "@qwen3-vl/shared/estimate";
import { TRACEPARENT_HEADER } from "@qwen3-vl/shared/traceparent";

import { IDEMPOTENCY_KEY_HEADER, REPLAYED_HEADER } from "../idempotency/idempotency-headers.ts";
import type { RouteDescription } from "../openapi/route-description.ts";

const shared = { method: "post", tag: "Chat", access: "api_key" } as const;
const body = {
  example: {
    model: "qwen3-vl-shapes",
    stream: true,
    messages: [
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: "https://example.com/picture.png" } },
          { type: "text", text: "What is in this picture?" },
        ],
      },
    ],
  },
  contents: { "application/json": { name: "ChatCompletionRequest", schema: ChatRequest } },
};
const ERRORS = [
  "invalid_request",
  "invalid_media",
  "context_length_exceeded",
  "model_not_found",
  "not_found",
  "request_too_large",
  "media_too_large",
  "media_unreachable",
  "overloaded",
] satisfies ErrorCode[];

export const describeChatCompletions: readonly RouteDescription[] = [
  {
    ...shared,
    path: "/v1/chat/completions",
    id: "createChatCompletion",
    summary: "Answer a conversation about pictures, clips and text",
    notes:
      "OpenAI's, with pictures and clips as content parts. With `stream` the answer comes as server-sent events, each a chunk, the last `[DONE]`.",
    headers: {
      [IDEMPOTENCY_KEY_HEADER]:
        "1 to 255 visible ASCII characters. For 24 hours a repeat of the request with the same key gets the first answer; while that is being given it is refused with `conflict`, and another request under the key with `idempotency_mismatch`.",
      [TRACEPARENT_HEADER]: "W3C trace context of the caller.",
    },
    body,
    answer: {
      notes: "The answer, whole or streamed.",
      contents: {
        "application/json": { name: "ChatCompletion", schema: ChatCompletion },
        "text/event-stream": { name: "ChatCompletionChunk", schema: ChatCompletionChunk },
      },
      headers: { [REPLAYED_HEADER]: "`true` on an answer that was given before." },
    },
    errors: [
      ...ERRORS,
      "conflict",
      "idempotency_mismatch",
      "rate_limit_exceeded",
      "insufficient_quota",
    ],
  },
  {
    ...shared,
    path: "/v1/chat/completions/estimate",
    id: "estimateChatCompletion",
    summary: "Count a request's tokens without running it",
    notes:
      "Takes the body of a chat completion, answers its exact prompt tokens, and refuses what that would refuse.",
    body,
    answer: {
      notes: "What the request would cost.",
      contents: { "application/json": { name: "Estimate", schema: Estimate } },
    },
    errors: ERRORS,
  },
];
