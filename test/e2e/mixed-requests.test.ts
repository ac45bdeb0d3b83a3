import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";
import * as z from "zod";

import { seededRandom } from "../../gpu-worker/src/engine/random.ts";
import { assembleSystem } from "../support/assembled-system.ts";
import type { AssembledSystem } from "../support/assembled-system.ts";
import { MODEL, SCENE, pictureUrl } from "../support/evaluation.ts";
import { readMetrics } from "../support/worker-metrics.ts";

const REQUESTS = 64;

/** Of them, each so many leaves in mid-stream when all run together. */
const LEAVES_EVERY = 8;

/** Of them, each so many wants three answers, which fills a worker's 72 places to the last. */
const CHOICES_EVERY = 16;

const clipUrl = (name: string) => {
  const path = join(import.meta.dirname, "../golden/data/files", name);
  return `data:video/mp4;base64,${readFileSync(path).toString("base64")}`;
};
const clip = { type: "video_url", video_url: { url: clipUrl("clip-h264-30fps-5s.mp4") } };
const picture = (name: string) => ({ type: "image_url", image_url: { url: pictureUrl(name) } });
const said = (text: string) => ({ type: "text", text });

/** What is asked, of different kinds and lengths. */
const CONTENTS = [
  [said("Who are you?")],
  [picture(SCENE), said("Describe this image.")],
  [picture("007-0.png"), said("How many shapes are there?")],
  [clip, said("Describe this video.")],
  [picture("028-0.png"), picture("028-1.png"), said("What is the difference?")],
  [said(`${"Locate every shape. ".repeat(40)}What is there?`)],
  [picture("035-0.png"), said("Click the black triangle.")],
];

const Point = {
  type: "object",
  properties: { x: { type: "integer" }, y: { type: "integer" } },
  required: ["x", "y"],
};
const tool = (name: string) => ({ type: "function", function: { name, parameters: Point } });
const tools = [tool("click"), tool("drag")];
const json_schema = {
  name: "scene",
  schema: {
    type: "object",
    properties: { shape: { enum: ["heart", "circle"] }, text: { type: "string", maxLength: 12 } },
    required: ["shape"],
  },
};

const response_format = { type: "json_schema", json_schema };

/** What answers are bound to; eleven, so that no form falls only to those that leave or want three. */
const FORMS = [
  {},
  { response_format },
  { tools },
  { structured_outputs: { regex: "(red|blue|black) [a-z]{3,9}( and [a-z]{3,9}){0,3}" } },
  {},
  { tools, tool_choice: "required" },
  { structured_outputs: { choice: ["heart", "heart and circle", "star"] } },
  { tools, tool_choice: { type: "function", function: { name: "drag" } } },
  {},
  { tools, response_format },
  { response_format: { type: "json_object" } },
];

/** The same number gives the same body: greedy or seeded, plain or penalised, short or long, free or bound. */
function bodyNumber(index: number) {
  const random = seededRandom(index);
  const isGreedy = random() < 0.4;
  return {
    model: MODEL,
    messages: [{ role: "user", content: CONTENTS[index % CONTENTS.length] }],
    max_tokens: 8 + Math.floor(random() * 180),
    stream: true,
    ...(isGreedy ? { temperature: 0, frequency_penalty: -2 } : { temperature: 1.2, seed: index }),
    ...(random() < 0.3 ? { presence_penalty: 1, top_p: 0.9 } : {}),
    ...FORMS[index % FORMS.length],
    ...(index % CHOICES_EVERY === 5 ? { n: 3, temperature: 1.2, seed: index } : {}),
  };
}

async function ask({ url, apiKey }: AssembledSystem, index: number, signal?: AbortSignal) {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify(bodyNumber(index)),
    ...(signal === undefined ? {} : { signal }),
  });
  if (!response.ok || response.body === null) {
    throw new Error(`request ${index}: status ${response.status}: ${await response.text()}`);
  }
  return response.body;
}

const Chunk = z.object({
  choices: z.array(
    z.object({
      index: z.int(),
      delta: z.object({
        content: z.string().nullish(),
        tool_calls: z
          .array(z.object({ index: z.int(), function: z.record(z.string(), z.string()) }))
          .optional(),
      }),
      finish_reason: z.string().nullable(),
    }),
  ),
});

/** Each choice's text, its calls and the reason at its end, without what is random: the calls' ids. */
async function answerTo(system: AssembledSystem, index: number): Promise<string[]> {
  const answers: string[] = [];
  const events = await new Response(await ask(system, index)).text();
  for (const [, json = ""] of events.matchAll(/^data: (\{.*)$/gm)) {
    for (const { index: choice, delta, finish_reason } of Chunk.parse(JSON.parse(json)).choices) {
      const calls = (delta.tool_calls ?? []).map((call) =>
        call.function["name"] === undefined
          ? call.function["arguments"]
          : `[call ${call.index}: ${call.function["name"]}]${call.function["arguments"]}`,
      );
      const end = finish_reason === null ? "" : `[${finish_reason}]`;
      answers[choice] = [answers[choice], delta.content, ...calls, end].join("");
    }
  }
  return answers;
}

/** Reads the beginning of a stream and goes. */
async function leave(system: AssembledSystem, index: number): Promise<string[]> {
  const controller = new AbortController();
  const body = await ask(system, index, controller.signal);
  await body.getReader().read();
  controller.abort();
  return ["left"];
}

it("64 mixed requests at once, of which some leave, are answered as each is alone", async () => {
  await using system = await assembleSystem();
  const indexes = Array.from({ length: REQUESTS }, (_, index) => index);
  const leaves = (index: number) => index % LEAVES_EVERY === 3;
  const alone: string[][] = [];
  for (const index of indexes) {
    alone.push(leaves(index) ? ["left"] : await answerTo(system, index));
  }
  const together = await Promise.all(
    indexes.map((index) => (leaves(index) ? leave : answerTo)(system, index)),
  );
  expect(together).toEqual(alone);
  expect(new Set(alone.flat()).size).toBeGreaterThan(REQUESTS / 3);
  const metrics = await readMetrics(system.worker);
  expect(metrics["vllm:num_requests_running"]).toBe(0);
  expect(metrics["vllm:time_to_first_token_seconds_count"]).toBeGreaterThanOrEqual(
    2 * REQUESTS - 2 * (REQUESTS / LEAVES_EVERY),
  );
}, 240_000);
