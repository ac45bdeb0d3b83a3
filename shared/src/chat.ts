import * as z from "zod";

import { Message, Tool } from "./chat-message.ts";
import type { MediaPart } from "./content-part.ts";
import { ApiError } from "./errors.ts";
import {
  MAX_MEDIA_URLS,
  MAX_MESSAGES,
  MAX_STOP_LENGTH,
  MAX_STOP_STRINGS,
  MAX_TOKENS_FIELD,
  MAX_TOOLS,
} from "./limits.ts";
import { ProcessorOptions } from "./processor-options.ts";

const tokenRange = `expected a whole number from 1 to ${MAX_TOKENS_FIELD}`;
const tokens = z.int(tokenRange).min(1, tokenRange).max(MAX_TOKENS_FIELD, tokenRange);
const penalty = z.number().min(-2).max(2);
const stopString = z.string().min(1).max(MAX_STOP_LENGTH);

/**
 * Body of `POST /v1/chat/completions`; the edge and the GPU worker parse the same schema.
 * Parsing is idempotent: what comes out goes in again unchanged.
 */
export const ChatRequest = z.strictObject({
  model: z.string().min(1).max(256),
  messages: z.array(Message).min(1).max(MAX_MESSAGES),
  stream: z.boolean().default(false),
  stream_options: z
    .strictObject({
      include_usage: z.boolean().optional(),
      include_obfuscation: z.boolean().optional(),
    })
    .optional(),
  max_tokens: tokens.optional(),
  max_completion_tokens: tokens.optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  top_k: z.int().min(-1).max(MAX_TOKENS_FIELD).optional(),
  min_p: z.number().min(0).max(1).optional(),
  presence_penalty: penalty.optional(),
  frequency_penalty: penalty.optional(),
  repetition_penalty: z.number().gt(0).max(10).optional(),
  seed: z.int().optional(),
  stop: z
    .union([stopString, z.array(stopString).max(MAX_STOP_STRINGS)], {
      error: `expected a string or up to ${MAX_STOP_STRINGS} strings of 1 to ${MAX_STOP_LENGTH} characters`,
    })
    .optional(),
  tools: z.array(Tool).max(MAX_TOOLS).optional(),
  add_vision_id: z.boolean().optional(),
  mm_processor_kwargs: ProcessorOptions.optional(),

  // Fields whose neutral value is sent by many clients; other values are not supported yet.
  n: z.literal(1, "only 1 is supported").optional(),
  logprobs: z.literal(false, "log-probabilities are not supported").optional(),
  tool_choice: z.enum(["auto"], 'only "auto" is supported').optional(),
  response_format: z
    .strictObject({ type: z.literal("text", 'only "text" is supported') })
    .optional(),
  logit_bias: z
    .record(z.string(), z.unknown())
    .refine((bias) => Object.keys(bias).length === 0, "only an empty object is supported")
    .optional(),
  modalities: z.tuple([z.literal("text")]).optional(),
});
export type ChatRequest = z.infer<typeof ChatRequest>;

/** Fields of OpenAI's API that change nothing in an answer of this one: accepted and ignored. */
const IGNORED_FIELDS: ReadonlySet<string> = new Set([
  "metadata",
  "parallel_tool_calls",
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

/** As OpenAI does, null stands for an absent field. */
function withoutIgnoredFields(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return body;
  }
  return Object.fromEntries(
    Object.entries(body).filter(([key, value]) => value !== null && !IGNORED_FIELDS.has(key)),
  );
}

function toInvalidRequest(error: z.ZodError): ApiError {
  const issue = deepestIssue(error.issues);
  const unknownKey = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const path = [...(issue?.path ?? []), ...(unknownKey === undefined ? [] : [unknownKey])];
  const param = path.map(String).join(".").slice(0, MAX_PARAM_LENGTH) || "body";
  const reason = unknownKey === undefined ? reasonOf(issue) : "unknown field";
  return new ApiError("invalid_request", `${param}: ${reason}.`, { param });
}

/** A key or a value may be megabytes; an error message may not. */
const MAX_PARAM_LENGTH = 200;
const MAX_SHOWN_LENGTH = 80;

function reasonOf(issue: z.core.$ZodIssue | undefined): string {
  return issue === undefined ? "invalid" : `${issue.message}${gotOf(issue)}`;
}

/** What stood there, where zod's own message does not say it and a few characters can. */
function gotOf({ message, input }: z.core.$ZodIssue): string {
  if (message.includes(", received ")) {
    return "";
  }
  if (Array.isArray(input)) {
    return `, got ${input.length} items`;
  }
  if (typeof input === "string") {
    return `, got ${JSON.stringify(input.slice(0, MAX_SHOWN_LENGTH))}`;
  }
  return typeof input === "number" || typeof input === "boolean" ? `, got ${input}` : "";
}

/** In a union, the branch that got furthest into the value says best what is wrong. */
function deepestIssue(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue | undefined {
  const [issue] = issues;
  if (issue?.code !== "invalid_union" || issue.errors.length === 0) {
    return issue;
  }
  const nested = issue.errors
    .map(deepestIssue)
    .filter((inner) => inner !== undefined)
    .toSorted((a, b) => b.path.length - a.path.length)[0];
  return nested === undefined || nested.path.length === 0
    ? issue
    : { ...nested, path: [...issue.path, ...nested.path] };
}
