import OpenAI, { BadRequestError } from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { MODEL, SCENE, ask } from "../support/evaluation.ts";
import { sharedSystem } from "../support/shared-system.ts";
import type { SharedSystem } from "../support/shared-system.ts";

type Create = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;

let system: SharedSystem;
let client: OpenAI;
beforeAll(async () => {
  system = await sharedSystem();
  client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: system.apiKey, maxRetries: 0 });
});

const Shape = z.object({
  shape: z.enum(["circle", "square", "triangle", "star", "diamond", "cross", "heart"]),
  color: z.enum(["red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black"]),
  box: z.array(z.int().min(0).max(1000)).min(4).max(4),
});
const Scene = z.object({ shapes: z.array(Shape).max(2), text: z.string().max(20).nullable() });

const question = { model: MODEL, messages: ask("Describe this image.", SCENE), temperature: 1 };

/** Fields that the client's types leave out travel all the same. */
async function answerTo(fields: object): Promise<string> {
  const body: Create = { ...question, ...fields };
  const { choices } = await client.chat.completions.create(body);
  expect(choices[0]?.finish_reason).toBe("stop");
  return choices[0]?.message.content ?? "";
}

describe("an answer of a given form", () => {
  it("is parsed by the client's own helper for zod schemas", async () => {
    const completion = await client.chat.completions.parse({
      ...question,
      seed: 7,
      response_format: zodResponseFormat(Scene, "scene"),
    });
    const parsed = completion.choices[0]?.message.parsed;
    expect(Scene.parse(parsed)).toEqual(parsed);
  });

  it("streams to the same end as it comes whole", async () => {
    const fields = { ...question, seed: 3, response_format: zodResponseFormat(Scene, "scene") };
    const stream = client.chat.completions.stream(fields);
    const streamed = await stream.finalContent();
    const { choices } = await client.chat.completions.create(fields);
    expect(choices[0]?.message.content).toBe(streamed);
    expect(Scene.safeParse(JSON.parse(streamed ?? ""))).toMatchObject({ success: true });
  });

  it("is an object for json_object, or is cut and says so", async () => {
    const { choices } = await client.chat.completions.create({
      ...question,
      max_tokens: 300,
      response_format: { type: "json_object" },
    });
    const { content = "", finish_reason: reason } = { ...choices[0], ...choices[0]?.message };
    expect(content).toMatch(/^\{/);
    const isWhole = z.record(z.string(), z.unknown()).safeParse(parsedOrNot(content ?? "")).success;
    expect(reason).toBe(isWhole ? "stop" : "length");
  });

  it.each([
    [{ structured_outputs: { choice: ["yes", "no", "größer"] } }, /^(yes|no|größer)$/],
    [{ structured_outputs: { regex: "[A-Z]{2}-\\d{3}" } }, /^[A-Z]{2}-\d{3}$/],
    [{ structured_outputs: { grammar: 'root ::= "a" [0-9] root | "b"' }, seed: 1 }, /^(a\d)*b$/],
    [
      { structured_outputs: { json: { type: "integer", minimum: 5, maximum: 12 } } },
      /^([5-9]|1[0-2])$/,
    ],
    [{ guided_choice: ["left", "right"] }, /^(left|right)$/],
    [{ guided_json: '{"const":{"a":[1,null]}}' }, /^\{"a":\[1,null\]\}$/],
  ])("follows %j", async (fields, form) => {
    expect(await answerTo(fields)).toMatch(form);
  });

  it("does not disturb others that run at the same time", async () => {
    const free = { ...question, temperature: 0 };
    const alone = await client.chat.completions.create(free);
    const [beside] = await Promise.all([
      client.chat.completions.create(free),
      answerTo({ structured_outputs: { regex: "[a-z ]{20,40}" } }),
      answerTo({ structured_outputs: { choice: ["one", "two"] } }),
    ]);
    expect(beside.choices[0]?.message.content).toBe(alone.choices[0]?.message.content);
  });

  it("refuses a schema before anything runs, in the estimate too", async () => {
    const response_format = {
      type: "json_schema",
      json_schema: { name: "a", strict: true, schema: { type: "object", not: {} } },
    } as const;
    const param = "response_format.json_schema.schema.not";
    const refusal = await client.chat.completions
      .create({ ...question, response_format })
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(BadRequestError);
    expect(refusal).toMatchObject({ param, code: "invalid_request" });

    const estimate = client.post("/chat/completions/estimate", {
      body: { ...question, response_format },
    });
    await expect(estimate).rejects.toMatchObject({ status: 400, param });
  });
});

function parsedOrNot(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
