import OpenAI, { BadRequestError } from "openai";
import { beforeAll, describe, expect, it } from "vitest";

import { shapesTokenizer } from "../../gpu-worker/src/prompt/test-checkpoint.ts";
import { DESCRIPTION, MODEL, SCENE, ask } from "../support/evaluation.ts";
import { sharedSystem } from "../support/shared-system.ts";
import type { SharedSystem } from "../support/shared-system.ts";
import { streamedAnswers, wholeAnswers } from "../support/told-answers.ts";
import type { Choice, Fields, Logprob, Told } from "../support/told-answers.ts";
import { usageRecords } from "../support/usage-records.ts";

const tokenizer = shapesTokenizer();
const messages = ask("Describe this image.", SCENE);

let system: SharedSystem;
let client: OpenAI;
beforeAll(async () => {
  system = await sharedSystem();
  client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: system.apiKey, maxRetries: 0 });
});

const whole = (fields: Fields) => wholeAnswers(client, { messages, ...fields });
const streamed = (fields: Fields) => streamedAnswers(client, { messages, ...fields });

async function only(fields: Fields): Promise<Answer> {
  const { choices, completionTokens } = await whole(fields);
  const [choice = { text: "", reason: null, logprobs: undefined }] = choices;
  return { ...choice, completionTokens };
}

/** The id of a token, written as in the vocabulary. */
function idOf(token: string): number {
  const id = tokenizer.idOf(token);
  if (id === undefined) {
    throw new RangeError(`no token ${JSON.stringify(token)}`);
  }
  return id;
}

const HEART = idOf("Ġheart");
const END = idOf("<|im_end|>");
const SAMPLED = { temperature: 2, seed: 1 };
const TWO = { allowed_token_ids: [idOf("A"), HEART], ignore_eos: true, max_tokens: 40 };

type Answer = Choice & Pick<Told, "completionTokens">;

interface Row {
  fields: Fields;
  /** The sentence that the check proves. */
  so: string;
  check: (answer: Answer) => unknown;
}

const isDescription = ({ text }: Choice) => expect(text).toBe(DESCRIPTION);
const isOther = ({ text }: Choice) => expect(text).not.toBe(DESCRIPTION);

const rows: Row[] = [
  { fields: {}, so: "is greedy by the checkpoint's default", check: isDescription },
  { fields: { temperature: 0, seed: 3 }, so: "is greedy", check: isDescription },
  { fields: SAMPLED, so: "wanders", check: isOther },
  { fields: { ...SAMPLED, top_k: 1 }, so: "leaves the best token", check: isDescription },
  { fields: { ...SAMPLED, top_p: 1e-6 }, so: "leaves the best token", check: isDescription },
  { fields: { ...SAMPLED, min_p: 1 }, so: "leaves the best token", check: isDescription },
  { fields: { ...SAMPLED, top_k: -1, top_p: 1, min_p: 0 }, so: "leaves all", check: isOther },
  {
    fields: { ...SAMPLED, presence_penalty: 2 },
    so: "changes what is sampled",
    check: async ({ text }) => expect(text).not.toBe((await only(SAMPLED)).text),
  },
  {
    fields: { ...TWO, frequency_penalty: 2 },
    so: "tires of a token",
    check: async ({ text }) => {
      expect(lopsidedness(text)).toBeLessThan(lopsidedness((await only(TWO)).text));
    },
  },
  { fields: { repetition_penalty: 5 }, so: "changes the answer", check: isOther },
  { fields: { repetition_penalty: 1 }, so: "changes nothing", check: isDescription },
  {
    fields: { max_tokens: 5 },
    so: "cuts the answer",
    check: ({ text, reason, completionTokens }) => {
      expect(DESCRIPTION.startsWith(text)).toBe(true);
      expect({ reason, completionTokens }).toEqual({ reason: "length", completionTokens: 5 });
    },
  },
  {
    fields: { stop: [" heart", "circle"] },
    so: "ends the answer before the first",
    check: ({ text, reason }) => {
      expect({ text, reason }).toEqual({ text: "A large black", reason: "stop" });
    },
  },
  {
    fields: { stop: "heart", include_stop_str_in_output: true },
    so: "shows what it ends with",
    check: ({ text }) => expect(text).toBe("A large black heart"),
  },
  {
    fields: { stop_token_ids: [HEART] },
    so: "ends the answer at the token and shows nothing of it",
    check: ({ text, reason }) => {
      expect({ text, reason }).toEqual({ text: "A large black", reason: "stop" });
    },
  },
  {
    fields: { stop_token_ids: [HEART], include_stop_str_in_output: true },
    so: "shows the token it ends with",
    check: ({ text }) => expect(text).toBe("A large black heart"),
  },
  {
    fields: { ignore_eos: true, max_tokens: 60 },
    so: "goes on after the end token",
    check: ({ text, reason, completionTokens }) => {
      expect(text.startsWith(DESCRIPTION)).toBe(true);
      expect({ reason, completionTokens }).toEqual({ reason: "length", completionTokens: 60 });
    },
  },
  {
    fields: { ignore_eos: true, skip_special_tokens: false, max_tokens: 60 },
    so: "shows control tokens",
    check: ({ text }) => expect(text.startsWith(`${DESCRIPTION}<|im_end|>`)).toBe(true),
  },
  {
    fields: { min_tokens: 40, max_tokens: 60, logprobs: true },
    so: "lets nothing end the answer before",
    check: ({ completionTokens, logprobs = [] }) => {
      expect(completionTokens).toBeGreaterThan(39);
      expect(logprobs.slice(0, 40).map(({ token }) => token)).not.toContain("<|im_end|>");
    },
  },
  {
    fields: { min_tokens: 8, stop: "large" },
    so: "passes over a stop string that comes before",
    check: ({ text }) => expect(text).toBe("A large black heart at the top, a "),
  },
  {
    fields: { bad_words: ["heart", "circle"] },
    so: "keeps the words out of the answer",
    check: ({ text }) => expect(text).not.toMatch(/heart|circle/),
  },
  {
    fields: {
      allowed_token_ids: [idOf("A"), idOf("Ġlarge"), END],
      ignore_eos: true,
      max_tokens: 9,
    },
    so: "leaves no other tokens",
    check: ({ text }) => expect(text).toMatch(/^(A| large)+$/),
  },
  {
    fields: { logit_bias: { [HEART]: -100 } },
    so: "keeps a token out",
    check: ({ text }) => expect(text).toMatch(/^A large black (?!heart)/),
  },
  {
    fields: { logit_bias: { [HEART]: 100 }, max_tokens: 3 },
    so: "forces a token",
    check: ({ text }) => expect(text).toBe(" heart heart heart"),
  },
  {
    fields: { logprobs: true },
    so: "tells each token, the one that ends the answer included",
    check: ({ text, completionTokens, logprobs = [] }) => {
      expect(logprobs).toHaveLength(completionTokens ?? 0);
      expect(textOf(logprobs)).toBe(`${text}<|im_end|>`);
      expect(logprobs.every(({ top_logprobs: top }) => top.length === 0)).toBe(true);
    },
  },
  {
    fields: { logprobs: true, top_logprobs: 20, ...SAMPLED },
    so: "tells the most probable, best first, by the model's own probabilities",
    check: ({ logprobs = [] }) => {
      expect(logprobs.length).toBeGreaterThan(0);
      for (const { token, logprob, top_logprobs: top } of logprobs) {
        const told = top.map(({ logprob: other }) => other);
        expect(told).toEqual(told.toSorted((a, b) => b - a));
        expect(top).toHaveLength(20);
        const mass = told.reduce((sum, other) => sum + Math.exp(other), 0);
        expect(mass).toBeLessThanOrEqual(1 + 1e-9);
        const same = top.find((other) => other.token === token);
        expect(same?.logprob ?? logprob).toBe(logprob);
        expect(logprob).toBeLessThanOrEqual(told[0] ?? 0);
      }
    },
  },
  {
    fields: { logprobs: true, stop: "black" },
    so: "tells nothing of text that was cut off",
    check: ({ text, logprobs = [] }) => {
      expect(text).toBe("A large ");
      expect(textOf(logprobs).trimEnd()).toMatch(/^A large( black)?$/);
    },
  },
];

/** Of an answer of two tokens, how much more often than half of the time one of them comes. */
function lopsidedness(text: string): number {
  const words = text.match(/A| heart/g) ?? [];
  return Math.abs(words.filter((word) => word === "A").length - words.length / 2);
}

function textOf(logprobs: readonly Logprob[]): string {
  return Buffer.from(logprobs.flatMap(({ bytes }) => bytes ?? [])).toString();
}

/** The tokens without their numbers: a prompt whose beginning was cached gives other last digits. */
function withoutDecimals({ choices, completionTokens }: Told) {
  return {
    completionTokens,
    choices: choices.map(({ text, reason, logprobs }) => ({
      text,
      reason,
      tokens: logprobs?.map(({ bytes }) => bytes),
    })),
  };
}

const isFourAnswers = ({ request_id: id }: { request_id: string }) => id === "four-answers";

describe("a sampling field", () => {
  it.each(rows.map((row) => [JSON.stringify(row.fields), row.so, row] as const))(
    "%s %s, whole and streamed alike",
    async (_, so, { fields, check }) => {
      expect(so).not.toBe("");
      const answer = await only(fields);
      await check(answer);
      const { completionTokens, ...choice } = answer;
      const beside = await streamed(fields);
      expect(withoutDecimals(beside)).toEqual(
        withoutDecimals({ choices: [choice], completionTokens }),
      );
    },
  );
});

describe("n answers", () => {
  const fields = { ...SAMPLED, n: 4, max_tokens: 32, logprobs: true };

  it("differ, are the same set for the same seed, and begin with the one of n = 1", async () => {
    const told = await whole(fields);
    const texts = told.choices.map(({ text }) => text);
    expect(new Set(texts).size).toBe(4);
    expect(withoutDecimals(await whole(fields))).toEqual(withoutDecimals(told));
    expect(withoutDecimals(await streamed(fields))).toEqual(withoutDecimals(told));
    expect((await only({ ...fields, n: 1 })).text).toBe(texts[0]);
    expect(told.completionTokens).toBe(
      told.choices.reduce((sum, { logprobs = [] }) => sum + logprobs.length, 0),
    );
  });

  it("are in a crowd what they are alone", async () => {
    const alone = await whole(fields);
    const others = Array.from({ length: 6 }, (_, seed) =>
      whole({ ...fields, messages: ask("How many shapes are there?", SCENE), seed }),
    );
    const [beside] = await Promise.all([whole(fields), streamed(fields), ...others]);
    expect(beside && withoutDecimals(beside)).toEqual(withoutDecimals(alone));
  });

  it("are counted together, also in the database", async () => {
    const stream = await client.chat.completions.create(
      { model: MODEL, messages, ...fields, stream: true, stream_options: { include_usage: true } },
      { headers: { "X-Request-Id": "four-answers" } },
    );
    const usage = (await Array.fromAsync(stream)).at(-1)?.usage;
    expect(usage).toMatchObject({ completion_tokens: (await whole(fields)).completionTokens });
    await expect
      .poll(() => usageRecords(system.stateFolder).find(isFourAnswers), { timeout: 20_000 })
      .toMatchObject({ outcome: "completed", completion_tokens: usage?.completion_tokens });
  });

  it("are all the same where the best token is always taken", async () => {
    const { choices } = await whole({ n: 3 });
    expect(choices.map(({ text }) => text)).toEqual([DESCRIPTION, DESCRIPTION, DESCRIPTION]);
  });
});

const outside = tokenizer.vocabSize;
const refusals: [fields: Fields, param: string, says: RegExp][] = [
  [{ n: 65 }, "n", /from 1 to 64, got 65/],
  [{ top_logprobs: 3 }, "top_logprobs", /logprobs to be true/],
  [{ logprobs: true, top_logprobs: 21 }, "top_logprobs", /from 0 to 20, got 21/],
  [{ logit_bias: { [outside]: 1 } }, `logit_bias.${outside}`, /below \d+, .* got \d+/],
  [{ logit_bias: { 5: 101 } }, "logit_bias.5", /-100 to 100, got 101/],
  [{ stop_token_ids: [1, outside] }, "stop_token_ids.1", /below \d+/],
  [{ allowed_token_ids: [outside] }, "allowed_token_ids.0", /below \d+/],
  [{ allowed_token_ids: [] }, "allowed_token_ids", /1 to 65536 items, got 0/],
  [{ min_tokens: 6, max_tokens: 5 }, "min_tokens", /at most the 5 tokens/],
  [{ min_tokens: 4090 }, "min_tokens", /that the context leaves/],
  [{ allowed_token_ids: [END], min_tokens: 2 }, "allowed_token_ids", /leaves no token/],
];

describe("a sampling field that cannot be", () => {
  it.each(refusals.map((row) => [JSON.stringify(row[0]), row] as const))(
    "%s is refused by name",
    async (_, [fields, param, says]) => {
      const refusal = await whole(fields).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(BadRequestError);
      expect(refusal).toMatchObject({ param, message: expect.stringMatching(says) });
    },
  );
});
