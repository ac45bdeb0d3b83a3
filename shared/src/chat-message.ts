import * as z from "zod";

import { MAX_PARTS_PER_MESSAGE, MAX_TOOLS } from "./limits.ts";

/** Qwen's own README sends numbers as strings in these fields. */
const numeric = (schema: z.ZodNumber) =>
  z.preprocess(
    (value) => (typeof value === "string" && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value),
    schema,
  );

const pixelOptions = {
  min_pixels: numeric(z.int().positive()).optional(),
  max_pixels: numeric(z.int().positive()).optional(),
  resized_height: numeric(z.int().positive()).optional(),
  resized_width: numeric(z.int().positive()).optional(),
};

/** What a client may say about a picture's size; meanings in qwen-vl-utils. */
export const PixelOptions = z.object(pixelOptions);
export type PixelOptions = z.infer<typeof PixelOptions>;

const TextPart = z.strictObject({ type: z.literal("text"), text: z.string() });

const ImagePart = z.strictObject({
  type: z.literal("image_url"),
  image_url: z.strictObject({
    url: z.string().min(1),
    detail: z.enum(["auto", "low", "high", "original"]).optional(),
  }),
  ...pixelOptions,
});
export type ImagePart = z.infer<typeof ImagePart>;

/** One part of a message in its one canonical spelling; aliases are rewritten before. */
const ContentPart = z.preprocess(
  canonicalPart,
  z.discriminatedUnion("type", [TextPart, ImagePart], { error: unknownPart }),
);
export type ContentPart = z.infer<typeof ContentPart>;

const Content = z.union([z.string(), z.array(ContentPart).min(1).max(MAX_PARTS_PER_MESSAGE)], {
  error: `expected a string or a list of 1 to ${MAX_PARTS_PER_MESSAGE} content parts`,
});

const ToolCall = z.strictObject({
  id: z.string(),
  type: z.literal("function"),
  function: z.strictObject({ name: z.string().min(1), arguments: z.string() }),
});

const name = z.string().max(64).optional();

export const Message = z.discriminatedUnion(
  "role",
  [
    z.strictObject({ role: z.enum(["system", "developer"]), content: Content, name }),
    z.strictObject({ role: z.literal("user"), content: Content, name }),
    z.strictObject({
      role: z.literal("assistant"),
      content: Content.nullish(),
      tool_calls: z.array(ToolCall).max(MAX_TOOLS).nullish(),
      name,
      // OpenAI's clients send the answer's message back whole; these carry nothing for a model.
      refusal: z.null().optional(),
      annotations: z.array(z.unknown()).nullish(),
      audio: z.null().optional(),
      function_call: z.null().optional(),
    }),
    z.strictObject({ role: z.literal("tool"), content: Content, tool_call_id: z.string(), name }),
  ],
  { error: 'expected a message of role "system", "developer", "user", "assistant" or "tool"' },
);
export type Message = z.infer<typeof Message>;

export const Tool = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    name: z.string().regex(/^[\w.-]{1,64}$/, "expected 1 to 64 letters, digits, _, . or -"),
    description: z.string().optional(),
    parameters: z.record(z.string(), z.unknown()).optional(),
    strict: z.boolean().nullish(),
  }),
});
export type Tool = z.infer<typeof Tool>;

/**
 * Rewrites the spellings that users paste from Qwen's, DashScope's and OpenAI's Responses examples:
 * `{"type":"image","image":url}`, `{"type":"input_image","image_url":url}`, `{"image":url}`,
 * `{"type":"input_text","text"}`, `{"text"}`; pixel options inside `image_url` move beside it.
 */
function canonicalPart(part: unknown): unknown {
  if (!isRecord(part)) {
    return part;
  }
  const { type, image, image_url: imageUrl } = part;
  if (type === "input_text" || (type === undefined && typeof part["text"] === "string")) {
    return { ...part, type: "text" };
  }
  const isImage = type === "image" || type === "input_image" || type === "image_url";
  if (!isImage && (type !== undefined || (image === undefined && imageUrl === undefined))) {
    return part;
  }
  // Only one of the two is an alias: beside `image_url`, `image` stays, and is refused as unknown.
  const beside = imageUrl === undefined ? withoutImage(part) : part;
  return {
    ...beside,
    type: "image_url",
    ...canonicalImage(imageUrl === undefined ? image : imageUrl, beside),
  };
}

function withoutImage({ image: _image, ...rest }: Record<string, unknown>) {
  return rest;
}

/** Pixel options move out unless the part has them already; all else stays, and unknown keys are refused. */
function canonicalImage(source: unknown, part: Record<string, unknown>): Record<string, unknown> {
  if (typeof source === "string") {
    return { image_url: { url: source } };
  }
  if (!isRecord(source)) {
    return { image_url: source };
  }
  const movesOut = (key: string) => Object.hasOwn(pixelOptions, key) && !Object.hasOwn(part, key);
  const entries = Object.entries(source);
  return {
    image_url: Object.fromEntries(entries.filter(([key]) => !movesOut(key))),
    ...Object.fromEntries(entries.filter(([key]) => movesOut(key))),
  };
}

function unknownPart({ input }: { input?: unknown }): string {
  const type = isRecord(input) ? input["type"] : undefined;
  const got = typeof type === "string" ? JSON.stringify(type.slice(0, 80)) : "none";
  return `expected a part of type "text" or "image_url", got ${got}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
