import { resolve } from "node:path";

import { parseChatRequest } from "@qwen3-vl/shared/chat";
import * as z from "zod";

import { maskLogits } from "../../../gpu-worker/src/grammar/grammar-constraint.ts";
import type { GrammarConstraint } from "../../../gpu-worker/src/grammar/grammar-constraint.ts";
import { Grammars } from "../../../gpu-worker/src/grammar/grammars.ts";
import { outputGrammar } from "../../../gpu-worker/src/grammar/output-grammar.ts";
import { tokenTable } from "../../../gpu-worker/src/grammar/token-table.ts";
import { PRECISIONS } from "../../../gpu-worker/src/model/precision.ts";
import { SHAPES } from "../precisions/shapes-answers.ts";
import { median } from "../table.ts";
import { boundSteps } from "./bound-steps.ts";
import { VOCABULARIES, tokenizerOf } from "./vocabularies.ts";

const SCHEMA = {
  type: "object",
  properties: {
    name: { type: "string" },
    label: { type: "string", maxLength: 40 },
    when: { type: "string", format: "date-time" },
    box: { type: "array", items: { type: "integer", minimum: 0, maximum: 1000 }, maxItems: 4 },
  },
  required: ["name", "label", "when", "box"],
};
const TEXT =
  '{"name": "a heart", "label": "black", "when": "2026-11-24T10:00:00Z", "box": [1, 20, 300, 999]}';
/** Schemas in a row, none like another. */
const UNIQUE_SCHEMAS = 1000;
/** Of a text, told one by one. */
const SLOWEST_TOKENS = 4;

/**
 * Set-up, compiling and the time of tokens under a grammar; memory over schemas that never come again; steps of
 * the model that ships with the repository. With a checkpoint's folder and a precision, its steps alone.
 */
export async function grammar([folder, precision]: readonly string[]): Promise<void> {
  if (folder !== undefined) {
    await boundSteps(resolve(folder), z.enum(PRECISIONS).optional().parse(precision));
    return;
  }
  for (const { name, vocabSize } of VOCABULARIES) {
    const tokenizer = tokenizerOf(vocabSize);
    const endTokenIds = [tokenizer.idOf("<|im_end|>") ?? 0];
    const grammars = new Grammars(tokenTable(tokenizer, { vocabSize, endTokenIds }));
    console.log(`${name}, ${vocabSize} tokens`);
    await timed("set-up and a first grammar", () => grammars.check('root ::= "a"'));
    const source = sourceOf(SCHEMA);
    await timed("a schema on trial", () => grammars.check(source));
    using constraint = grammars.constraint(source);
    await timed("and where texts are written", () => constraint.ready());
    const tokenIds = tokenizer.encodePlain(TEXT);
    await timeTokens(constraint, tokenIds, (id) => Buffer.from(tokenizer.bytesOf(id)).toString());
    timeMask(vocabSize);
    await manySchemas(grammars);
    await grammars.close();
  }
  await boundSteps(SHAPES, undefined);
}

/** Each token alone: the slowest hold up a step, however short the others are. */
async function timeTokens(
  constraint: GrammarConstraint,
  tokenIds: readonly number[],
  textOf: (tokenId: number) => string,
): Promise<void> {
  const tokens: { text: string; ms: number }[] = [];
  for (const tokenId of tokenIds) {
    const start = performance.now();
    constraint.accept(tokenId);
    await constraint.ready();
    tokens.push({ text: textOf(tokenId), ms: performance.now() - start });
  }
  tell(
    "a token in the thread, beside the model's step, median",
    median(tokens.map(({ ms }) => ms)),
  );
  for (const { text, ms } of tokens.toSorted((a, b) => b.ms - a.ms).slice(0, SLOWEST_TOKENS)) {
    tell(`and behind ${JSON.stringify(text)}`, ms);
  }
}

function timeMask(vocabSize: number): void {
  const logits = new Float32Array(vocabSize);
  for (const [share, word] of [
    ["none", 0],
    ["half", 0x55555555],
    ["all", -1],
  ] as const) {
    const mask = new Int32Array(Math.ceil(vocabSize / 32)).fill(word);
    const start = performance.now();
    for (let round = 0; round < 200; round++) {
      maskLogits(logits, mask);
    }
    tell(`a mask on logits, ${share} allowed`, (performance.now() - start) / 200);
  }
}

async function manySchemas(grammars: Grammars): Promise<void> {
  for (let number = 0; number < UNIQUE_SCHEMAS; number++) {
    const source = sourceOf({ properties: { [`name ${number}`]: { type: "string" } } });
    await grammars.check(source);
    using constraint = grammars.constraint(source);
    await constraint.ready();
    if (number % 250 === 0 || number === UNIQUE_SCHEMAS - 1) {
      const megabytes = Math.round(process.memoryUsage().rss / 1e6);
      console.log(`  schema ${number}: ${megabytes} MB`);
    }
  }
}

function sourceOf(json: unknown): string {
  const messages = [{ role: "user", content: "" }];
  const request = parseChatRequest({ model: "m", messages, structured_outputs: { json } });
  return outputGrammar(request)?.source ?? "";
}

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const start = performance.now();
  await work();
  tell(what, performance.now() - start);
}

function tell(what: string, ms: number): void {
  console.log(`  ${what}: ${ms.toFixed(3)} ms`);
}
