import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import * as z from "zod";

import type { Conversation } from "../../gpu-worker/src/prompt/conversation.ts";
import { readRecordedTensors } from "./recorded-tensors.ts";
import type { RecordedTensor } from "./recorded-tensors.ts";

const Part = z.union([
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({ type: z.literal("image"), image: z.string() }),
  z.object({ type: z.literal("video"), video: z.array(z.string()), sample_fps: z.number() }),
]);

const Request = z.object({
  messages: z.array(
    z.object({
      role: z.enum(["system", "user", "assistant", "tool"]),
      content: z.union([z.string(), z.array(Part)]),
      tool_calls: z
        .array(
          z.object({
            type: z.literal("function"),
            function: z.object({ name: z.string(), arguments: z.unknown() }),
          }),
        )
        .optional(),
    }),
  ),
  tools: z
    .array(z.object({ type: z.literal("function"), function: z.record(z.string(), z.unknown()) }))
    .nullish(),
  add_vision_id: z.boolean().optional(),
});

const Expected = z.object({
  prompt: z.string(),
  rope_delta: z.int(),
  greedy_tokens: z.array(z.int()),
  smallest_gap_between_the_two_best_logits: z.number(),
});

export type RecordedMedium =
  | { kind: "image"; bytes: Uint8Array }
  | { kind: "frames"; frames: readonly Uint8Array[]; sampleFps: number };

/** One request with what the reference implementation computed for it. */
export interface RecordedCase {
  name: string;
  conversation: Conversation;
  /** Pictures and lists of frames, encoded, in prompt order. */
  media: readonly RecordedMedium[];
  expected: {
    prompt: string;
    ropeDelta: number;
    greedyTokens: readonly number[];
    /** Least distance between the two best logits while the greedy tokens were chosen. */
    smallestGap: number;
    tensors: ReadonlyMap<string, RecordedTensor>;
  };
}

/** All cases of one checkpoint, `folder/*\/request.json`. */
export function readCases(folder: string): RecordedCase[] {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "request.json")))
    .map((name) => readCase(join(folder, name), name));
}

function readCase(folder: string, name: string): RecordedCase {
  const request = Request.parse(readJson(join(folder, "request.json")));
  const expected = Expected.parse(readJson(join(folder, "expected.json")));
  const parts = request.messages.flatMap(({ content }) =>
    typeof content === "string" ? [] : content,
  );
  return {
    name,
    conversation: {
      messages: request.messages,
      ...(request.tools == null ? {} : { tools: request.tools }),
      ...(request.add_vision_id === undefined ? {} : { addVisionId: request.add_vision_id }),
    },
    media: parts.flatMap((part) => readMedium(folder, part)),
    expected: {
      prompt: expected.prompt,
      ropeDelta: expected.rope_delta,
      greedyTokens: expected.greedy_tokens,
      smallestGap: expected.smallest_gap_between_the_two_best_logits,
      tensors: readRecordedTensors(join(folder, "expected.safetensors")),
    },
  };
}

function readMedium(folder: string, part: z.infer<typeof Part>): RecordedMedium[] {
  const read = (name: string) => readFileSync(join(folder, name));
  switch (part.type) {
    case "text":
      return [];
    case "image":
      return [{ kind: "image", bytes: read(part.image) }];
    case "video":
      return [{ kind: "frames", frames: part.video.map(read), sampleFps: part.sample_fps }];
  }
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
