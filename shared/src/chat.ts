import * as z from "zod";

import { Message } from "./chat-message.ts";
import type { MediaPart } from "./content-part.ts";
import { ApiError } from "./errors.ts";
import { toInvalidRequest } from "./invalid-request.ts";
import { MAX_MEDIA_URLS, MAX_MESSAGES } from "./limits.ts";
import { OutputFields } from "./output-fields.ts";
import { ProcessorOptions } from "./processor-options.ts";
import { SamplingFields, assertConsistent } from "./sampling-fields.ts";
import { assertToolChoice } from "./tool-fields.ts";

/**
 * Body of `POST /v1/chat/completions`; the edge and the GPU worker parse the same schema.
 * Parsing is idempotent: what comes out goes in again unchanged.
 */
export const ChatRequest = z.strictObject({
  model: z.string().min(1).max(256).describe("One of `/v1/models`."),
  messages: z.array(Message).min(1).max(MAX_MESSAGES),
  stream: z.boolean().default(false).describe("Whether the answer comes as it is written."),
  stream_options: z
    .strictObject({
      include_usage: z.boolean().optional(),
      include_obfuscation: z.boolean().optional(),
    })
    .optional()
    .describe("`include_usage` adds a last chunk that tells the tokens."),
  ...SamplingFields,
  ...OutputFields,
  add_vision_id: z
    .boolean()
    .optional()
    .describe("Whether pictures and clips are numbered for the model."),
  mm_processor_kwargs: ProcessorOptions.optional().describe(
    "Other values for the checkpoint's processor, for all parts without options of their own.",
  ),
  modalities: z.tuple([z.literal("text")]).optional(),
});
export type ChatRequest = z.infer<typeof ChatRequest>;

/** Fields of OpenAI's API that change nothing in an answer of this one: accepted and ignored. */
const IGNORED_FIELDS: ReadonlySet<string> = new Set([
  "metadata",
  "prediction",
  "prompt_cache_key",
  "prompt_cache_retention",
  "reasoning_effort",
  "safety_identifier",
  "service_tier",
  "store",
  "user",
  "verbosity",
]);

/** @throws ApiError `invalid_request` that names the field, what was expected and what was got. */
export function parseChatRequest(body: unknown): ChatRequest {
  const parsed = ChatRequest.safeParse(withoutIgnoredFields(body), { reportInput: true });
  if (!parsed.success) {
    throw toInvalidRequest(parsed.error);
  }
  const request = parsed.data;
  assertConsistent(request);
  assertToolChoice(request);
  const mediaCount = mediaParts(request).flatMap(urlsOf).length;
  if (mediaCount > MAX_MEDIA_URLS) {
    throw new ApiError(
      "invalid_request",
      `messages: at most ${MAX_MEDIA_URLS} pictures, clips and frames are allowed, got ${mediaCount}.`,
      { param: "messages" },
    );
  }
  return request;
}

export interface LocatedMedium {
  part: MediaPart;
  /** Dotted path of the part in the request, for error messages. */
  path: string;
}

/** All pictures and clips of a request in the order in which the model sees them. */
export function mediaParts(request: ChatRequest): LocatedMedium[] {
  return request.messages.flatMap(({ content }, messageIndex) =>
    typeof content !== "object" || content === null
      ? []
      : content.flatMap((part, partIndex) =>
          part.type === "text"
            ? []
            : [{ part, path: `messages.${messageIndex}.content.${partIndex}` }],
        ),
  );
}

export interface LocatedUrl {
  url: string;
  kind: "image" | "video";
  /** Dotted path of the URL in the request. */
  path: string;
}

/** The URLs of a part: one, or those of a clip's frames. */
export function urlsOf({ part, path }: LocatedMedium): LocatedUrl[] {
  switch (part.type) {
    case "image_url":
      return [{ url: part.image_url.url, kind: "image", path: `${path}.image_url.url` }];
    case "video_url":
      return [{ url: part.video_url.url, kind: "video", path: `${path}.video_url.url` }];
    case "video":
      return part.video.map((url, index) => ({
        url,
        kind: "image",
        path: `${path}.video.${index}`,
      }));
  }
}

/** The same part with each of its URLs replaced. */
export function withUrls(part: MediaPart, replace: (url: string) => string): MediaPart {
  switch (part.type) {
    case "image_url":
      return { ...part, image_url: { ...part.image_url, url: replace(part.image_url.url) } };
    case "video_url":
      return { ...part, video_url: { url: replace(part.video_url.url) } };
    case "video":
      return { ...part, video: part.video.map(replace) };
  }
}

/** The same request with each URL of its pictures and clips replaced. */
export function withMediaUrls(request: ChatRequest, replace: (url: string) => string): ChatRequest {
  const messages = request.messages.map((message) =>
    typeof message.content !== "object" || message.content === null
      ? message
      : {
          ...message,
          content: message.content.map((part) =>
            part.type === "text" ? part : withUrls(part, replace),
          ),
        },
  );
  return { ...request, messages };
}

/** As OpenAI does, null stands for an absent field. */
function withoutIgnoredFields(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return body;
  }
  return Object.fromEntries(
    Object.entries(body).filter(([key, value]) => value !== null && !IGNORED_FIELDS.has(key)),
  );
}
