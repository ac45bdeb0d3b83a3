import { parseChatRequest } from "@qwen3-vl/shared/chat";
import formats from "ajv-formats";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, expect, it } from "vitest";

import { EngineGenerator } from "../../gpu-worker/src/engine/generator.ts";
import { seededRandom } from "../../gpu-worker/src/engine/random.ts";
import { SamplingScratch } from "../../gpu-worker/src/engine/sampling-scratch.ts";
import { AnswerForm } from "../../gpu-worker/src/grammar/answer-form.ts";
import { Grammars } from "../../gpu-worker/src/grammar/grammars.ts";
import { tokenTable } from "../../gpu-worker/src/grammar/token-table.ts";
import { ChatPrompter } from "../../gpu-worker/src/prompt/chat-prompt.ts";
import { ChatTemplate } from "../../gpu-worker/src/prompt/chat-template.ts";
import { answerOptions } from "../../gpu-worker/src/server/answer-options.ts";
import { randomSchema } from "../support/random-schema.ts";
import { SLOT_CAPACITY, openShapesModel } from "../support/shapes-model.ts";

/** 200 of them, `RANDOM_SCHEMAS=200`, take minutes. */
const SCHEMAS = Number(process.env["RANDOM_SCHEMAS"] ?? 24);
const SEEDS = [1, 2, 3];
const PROMPT_ROOM = 64;

let shapes: Awaited<ReturnType<typeof openShapesModel>>;
let grammars: Grammars;
beforeAll(async () => {
  shapes = await openShapesModel();
  const { tokenizer, config, generation } = shapes.checkpoint;
  const { vocabSize } = config.text;
  grammars = new Grammars(
    tokenTable(tokenizer, { vocabSize, endTokenIds: generation.eosTokenIds }),
  );
});
afterAll(async () => {
  await grammars.close();
  await shapes[Symbol.asyncDispose]();
});

/** A finished text, or undefined where it was cut. */
async function answersUnder(generator: EngineGenerator, schema: unknown, seed: number) {
  const { tokenizer, prompter, generation } = shapes.checkpoint;
  const request = parseChatRequest({
    model: "m",
    messages: [{ role: "user", content: "What can you do?" }],
    temperature: 1,
    seed,
    response_format: { type: "json_schema", json_schema: { name: "random", schema } },
  });
  const template = new ChatTemplate(prompter.template, tokenizer);
  const prompt = new ChatPrompter(tokenizer, template, prompter.layout).fromRequest(request, []);
  const form = await AnswerForm.of(request, { grammars, tokenizer });
  const choices = answerOptions(request, prompt, {
    tokenizer,
    generation,
    maxTokens: SLOT_CAPACITY - PROMPT_ROOM,
    rules: [],
    scratch: new SamplingScratch(),
    constraint: () => form.constraint(prompt),
  });
  const answer = { text: "", finishReason: "none" };
  const events = generator.generate(
    {
      id: `${seed}`,
      tenant: "t",
      priority: "interactive",
      prompt,
      media: [],
      visionPlaces: new Int32Array(0),
      choices,
    },
    new AbortController().signal,
  );
  for await (const { text, finishReason = "none" } of events) {
    answer.text += text;
    answer.finishReason = finishReason;
  }
  return answer;
}

it("writes what parses and validates, whatever the schema and the seed", async () => {
  const generator = new EngineGenerator(shapes.model);
  const ajv = formats.default(new Ajv2020({ allowUnionTypes: true, strictTuples: false }));
  const counts = { stop: 0, length: 0 };
  const check = async (number: number) => {
    const schema = randomSchema(seededRandom(number));
    const isValid = ajv.compile(schema);
    for (const seed of SEEDS) {
      const { text, finishReason } = await answersUnder(generator, schema, seed);
      if (finishReason === "length") {
        counts.length++;
        continue;
      }
      expect(finishReason).toBe("stop");
      const value: unknown = JSON.parse(text);
      const valid = isValid(value);
      expect({ valid, schema, text, errors: isValid.errors }).toMatchObject({ valid: true });
      counts.stop++;
    }
  };
  for (let first = 0; first < SCHEMAS; first += 8) {
    const numbers = Array.from({ length: Math.min(8, SCHEMAS - first) }, (_, i) => first + i);
    await Promise.all(numbers.map(check));
  }
  expect(counts.stop).toBeGreaterThan(counts.length * 9);
}, 600_000);
