import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { DESCRIPTION, MODEL, SCENE, ask } from "../support/evaluation.ts";
import { startSystem } from "../support/running-system.ts";
import type { RunningSystem } from "../support/running-system.ts";
import { usageRecords } from "../support/usage-records.ts";

let system: RunningSystem;
let client: OpenAI;
beforeAll(async () => {
  system = await startSystem();
  client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: system.apiKey, maxRetries: 0 });
});
afterAll(() => system.stop());

type Body = Omit<OpenAI.Chat.ChatCompletionCreateParamsNonStreaming, "model" | "stream">;
type Ask = (body: Body) => Promise<string>;

const whole: Ask = async (body) => {
  const { choices } = await client.chat.completions.create({ model: MODEL, ...body });
  return choices[0]?.message.content ?? "";
};

const streamed: Ask = async (body) => {
  const stream = await client.chat.completions.create({ model: MODEL, ...body, stream: true });
  const chunks = await Array.fromAsync(stream);
  return chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
};

const questions = [
  ask("Describe this image.", SCENE),
  ask("How many shapes are there?", "007-0.png"),
  ask("What can you do?"),
  ask("Which picture contains a heart?", "000-0.png", "000-1.png", "000-2.png"),
  ask("What does the text say?", "023-0.png"),
  ask("Locate every shape, output the bbox coordinates using JSON format.", "002-0.png"),
  ask("What is the difference between the two pictures?", "028-0.png", "028-1.png"),
  ask("Who are you?"),
];

/** 16 bodies, no two alike: each question greedy and sampled. */
const bodies: Body[] = questions.flatMap((messages, index) => [
  { messages, max_tokens: 48, temperature: 0 },
  { messages, max_tokens: 48, temperature: 1.2, seed: index },
]);

describe("requests at once", () => {
  it("each get the answer they have alone: 16, half of them sampled, half streamed", async () => {
    const alone: string[] = [];
    for (const body of bodies) {
      alone.push(await whole(body));
    }
    expect(new Set(alone).size).toBeGreaterThan(10);
    const asked = bodies.map((body, index) => (index % 4 < 2 ? whole : streamed)(body));
    expect(await Promise.all(asked)).toEqual(alone);
    expect(await Promise.all(bodies.toReversed().map(streamed))).toEqual(alone.toReversed());
  });

  it("do not change what a seed gives", async () => {
    const sampled = { messages: ask("Describe this image."), temperature: 1.2, max_tokens: 48 };
    const seeded = await whole({ ...sampled, seed: 7 });
    expect(await streamed({ ...sampled, seed: 7 })).toBe(seeded);
    const [beside, ...others] = await Promise.all([
      whole({ ...sampled, seed: 7 }),
      ...Array.from({ length: 7 }, (_, index) => whole({ ...sampled, seed: 100 + index })),
    ]);
    expect(beside).toBe(seeded);
    expect(new Set(others).size).toBeGreaterThan(1);
  });
});

describe("usage in the database", () => {
  it("is what the client was told, for whole and streamed answers", async () => {
    const body = { model: MODEL, messages: ask("Describe this image.", SCENE) };
    const answer = await client.chat.completions.create(body, requestId("told-whole"));
    await Array.fromAsync(
      await client.chat.completions.create({ ...body, stream: true }, requestId("told-streamed")),
    );
    for (const id of ["told-whole", "told-streamed"]) {
      await expect
        .poll(() => recordOf(id), { timeout: 20_000 })
        .toMatchObject({
          outcome: "completed",
          prompt_tokens: answer.usage?.prompt_tokens,
          image_tokens: answer.usage?.prompt_tokens_details?.image_tokens,
          completion_tokens: answer.usage?.completion_tokens,
        });
    }
  });
});

const requestId = (id: string) => ({ headers: { "X-Request-Id": id } });

function recordOf(id: string) {
  return usageRecords(system.stateFolder).find((record) => record.request_id === id);
}

/** Longer than any test lasts: who waits for its end waits too long. */
const LONG = { messages: ask("Locate every shape."), temperature: 0, frequency_penalty: -2 };
const MAX_TOKENS = 3900;

describe("a client that leaves", () => {
  it("in mid-stream frees its place at once and is counted up to there", async () => {
    const body = { model: MODEL, ...LONG, max_tokens: MAX_TOKENS, stream: true as const };
    const stream = await client.chat.completions.create(body, requestId("leaves"));
    let seen = 0;
    for await (const { choices } of stream) {
      seen += (choices[0]?.delta.content ?? "") === "" ? 0 : 1;
      if (seen === 5) {
        break; // the client's stream aborts its request
      }
    }
    // The edge writes the record when the GPU worker has told that the request is over.
    await expect.poll(() => recordOf("leaves"), { timeout: 20_000 }).toBeDefined();
    const record = recordOf("leaves");
    expect(record?.outcome).toBe("cut_off");
    expect(record?.completion_tokens).toBeGreaterThanOrEqual(seen);
    expect(record?.completion_tokens).toBeLessThan(MAX_TOKENS);
  });

  it("frees its place however it asked: more leave than there are places", async () => {
    for (let round = 0; round < 100; round++) {
      const body = { model: MODEL, ...LONG, max_tokens: MAX_TOKENS };
      const left = new AbortController();
      const options = { signal: left.signal, ...requestId(`round-${round}`) };
      if (round % 2 === 0) {
        const stream = await client.chat.completions.create({ ...body, stream: true }, options);
        await stream[Symbol.asyncIterator]().next();
        left.abort();
      } else {
        const answer = client.chat.completions.create(body, options);
        setTimeout(() => left.abort(), 10);
        await Promise.allSettled([answer]);
      }
    }
    const messages = ask("Describe this image.", SCENE);
    expect(await Promise.all(Array.from({ length: 8 }, () => whole({ messages })))).toEqual(
      Array.from({ length: 8 }, () => DESCRIPTION),
    );
    await expect.poll(() => recordsOfRounds().length, { timeout: 20_000 }).toBeGreaterThan(49);
    expect(recordsOfRounds().filter(({ outcome }) => outcome !== "cut_off")).toEqual([]);
  });
});

/** All streamed rounds have one; of the others those that had reached the GPU worker. */
function recordsOfRounds() {
  return usageRecords(system.stateFolder).filter(({ request_id: id }) => id.startsWith("round-"));
}
