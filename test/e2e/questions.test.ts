import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import OpenAI from "openai";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { sharedSystem } from "../support/shared-system.ts";
import type { SharedSystem } from "../support/shared-system.ts";

const folder = resolve(import.meta.dirname, "../../models/qwen3-vl-shapes/evaluation");

/** Below this distance of the two best logits on the way, another answer is no fault. */
const EXCUSABLE_GAP = 0.02;

const Question = z.object({
  id: z.string(),
  messages: z.array(
    z.object({
      role: z.enum(["system", "user"]),
      content: z.union([
        z.string(),
        z.array(
          z.union([
            z.object({ type: z.enum(["image", "video"]) }),
            z.object({ type: z.literal("text"), text: z.string() }),
          ]),
        ),
      ]),
    }),
  ),
  add_vision_id: z.boolean(),
  tools: z.array(z.custom<OpenAI.Chat.ChatCompletionTool>()).nullable(),
  images: z.array(z.string()),
  videos: z.array(z.object({ frames: z.array(z.string()), sample_fps: z.number() })),
  reference_answer: z.string(),
  reference_tokens: z.array(z.int()),
  prompt_tokens: z.int(),
  smallest_gap: z.number(),
});
type Question = z.infer<typeof Question>;

const questions = z
  .array(Question)
  .parse(JSON.parse(readFileSync(join(folder, "questions.json"), "utf8")));

let system: SharedSystem;
let client: OpenAI;
beforeAll(async () => {
  system = await sharedSystem();
  client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: system.apiKey });
});

describe("the model's evaluation questions through the running API", () => {
  it.each(questions.map((question) => [question.id, question] as const))(
    "%s has the reference's prompt and is answered as it answers",
    async (_, question) => {
      const body = {
        model: "qwen3-vl-shapes",
        temperature: 0,
        messages: messagesOf(question),
        add_vision_id: question.add_vision_id, // not a field of OpenAI's types
        ...(question.tools === null ? {} : { tools: question.tools }),
      };
      const { choices, usage } = await client.chat.completions.create(body);
      expect(usage?.prompt_tokens).toBe(question.prompt_tokens);
      const isExcused = question.smallest_gap <= EXCUSABLE_GAP;
      expect({ text: textOf(choices[0]), tokens: usage?.completion_tokens }).toMatchObject(
        isExcused
          ? {}
          : { text: question.reference_answer, tokens: question.reference_tokens.length },
      );
    },
  );
});

/** The text that the model wrote for this answer: calls are given back in the form it was trained to. */
function textOf(choice: OpenAI.Chat.ChatCompletion.Choice | undefined): string {
  const calls = (choice?.message.tool_calls ?? [])
    .filter((call) => call.type === "function")
    .map(
      ({ function: { name, arguments: text } }) =>
        `<tool_call>\n{"name": "${name}", "arguments": ${text}}\n</tool_call>`,
    );
  expect(choice?.finish_reason).toBe(calls.length > 0 ? "tool_calls" : "stop");
  return [choice?.message.content ?? "", ...calls].join("");
}

/** The messages with their pictures and clips in place of the bare parts. */
function messagesOf({
  messages,
  images,
  videos,
}: Question): OpenAI.Chat.ChatCompletionMessageParam[] {
  const imageParts = images.map((name) => ({ type: "image_url", image_url: { url: urlOf(name) } }));
  const clipParts = videos.map(({ frames, sample_fps }) => ({
    type: "video",
    video: frames.map(urlOf),
    sample_fps,
  }));
  const filled = messages.map(({ role, content }) => ({
    role,
    content:
      typeof content === "string"
        ? content
        : content.map((part) => {
            if (part.type === "text") {
              return part;
            }
            return part.type === "image" ? imageParts.shift() : clipParts.shift();
          }),
  }));
  return z.array(AnyMessage).parse(filled);
}

/** Clips are no part of OpenAI's types. */
const AnyMessage = z.custom<OpenAI.Chat.ChatCompletionMessageParam>();

function urlOf(name: string): string {
  return `data:image/png;base64,${readFileSync(join(folder, name)).toString("base64")}`;
}
