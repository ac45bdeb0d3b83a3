import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { AnswerEvent } from "../../gpu-worker/src/engine/answer.ts";
import { Engine } from "../../gpu-worker/src/engine/engine.ts";
import { EngineGenerator } from "../../gpu-worker/src/engine/generator.ts";
import { assertInvariants } from "../../gpu-worker/src/engine/invariants.ts";
import type { Model, ModelRow } from "../../gpu-worker/src/engine/model.ts";
import { Sampler } from "../../gpu-worker/src/engine/sampler.ts";
import type { Sequence } from "../../gpu-worker/src/engine/sequence.ts";
import {
  GREEDY,
  answerOptions,
  eventsOf,
  sequenceOf,
  textOf,
} from "../../gpu-worker/src/engine/test-sequences.ts";
import type { OnnxModel } from "../../gpu-worker/src/runtime/onnx-model.ts";
import {
  PICTURE_TOKENS,
  SLOTS,
  openDenseModel,
  pictureOf,
  tokensOf,
} from "../support/dense-model.ts";

let model: OnnxModel;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ model, close } = await openDenseModel());
});
afterAll(() => close());

interface World {
  engine: Engine;
  /** Called before each step, with the number of steps before it. */
  onStep: (step: number, rows: readonly ModelRow[]) => void;
}

/** An engine over the real model whose invariants are checked before each step. */
function createWorld({ prefillChunk = 16, tokenBudget = model.tokenBudget } = {}): World {
  let step = 0;
  const observed: Model = {
    slots: model.slots,
    slotCapacity: model.slotCapacity,
    tokenBudget,
    encode: (medium) => model.encode(medium),
    copyPrefix: (from, to, tokens) => model.copyPrefix(from, to, tokens),
    clearSlot: (slot) => model.clearSlot(slot),
    forward: async (rows) => {
      assertInvariants(world.engine.snapshot());
      world.onStep(step++, rows);
      return model.forward(rows);
    },
  };
  const world: World = {
    engine: new Engine(observed, {
      prefillChunk,
      lonePrefillChunk: 2 * prefillChunk,
      blockTokens: 8,
    }),
    onStep: () => undefined,
  };
  return world;
}

async function assertAllFree({ engine }: World): Promise<void> {
  await engine.idle();
  assertInvariants(engine.snapshot());
  expect(engine.snapshot()).toMatchObject({ waiting: [], running: [], freeSlots: SLOTS });
}

type Options = Parameters<typeof sequenceOf>[2];

/** Sequences of different lengths and settings; the same number gives the same sequence. */
function sequenceNumber(index: number, options: Options = {}): Sequence {
  const prompt = tokensOf(3 + ((index * 13) % 60), index);
  const settings = index % 2 === 0 ? GREEDY : { ...GREEDY, temperature: 1, seed: index };
  const sampler = new Sampler(settings, prompt);
  return sequenceOf(`s${index}`, prompt, { maxTokens: 4 + (index % 17), sampler, ...options });
}

async function run(world: World, sequences: readonly Sequence[]): Promise<string[]> {
  for (const sequence of sequences) {
    world.engine.submit(sequence);
  }
  return Promise.all(sequences.map(({ answer }) => textOf(answer)));
}

/** The answer of a sequence that has the engine to itself. */
async function alone(index: number, options: Options = {}): Promise<string> {
  const [text = ""] = await run(createWorld(), [sequenceNumber(index, options)]);
  return text;
}

async function allAlone(indexes: readonly number[], options: Options = {}): Promise<string[]> {
  const texts: string[] = [];
  for (const index of indexes) {
    texts.push(await alone(index, options));
  }
  return texts;
}

describe("the engine over the real model", () => {
  it("gives each of 24 sequences in 8 slots the answer it has alone, and every slot back", async () => {
    const indexes = Array.from({ length: 24 }, (_, index) => index);
    const world = createWorld();
    const together = await run(
      world,
      indexes.map((index) => sequenceNumber(index)),
    );
    await assertAllFree(world);
    expect(together).toEqual(await allAlone(indexes));
    expect(together.map(({ length }) => length)).toEqual(indexes.map((i) => 4 + (i % 17)));
  });

  it("gives them also where memory runs out again and again", async () => {
    const indexes = Array.from({ length: 24 }, (_, index) => index);
    const world = createWorld({ tokenBudget: 100 });
    const together = await run(
      world,
      indexes.map((index) => sequenceNumber(index, { maxTokens: 35 })),
    );
    expect(world.engine.snapshot().preemptions).toBeGreaterThan(10);
    await assertAllFree(world);
    expect(together).toEqual(await allAlone(indexes, { maxTokens: 35 }));
  });

  it("answers greedily alike whatever the size of the chunks", async () => {
    const texts: string[][] = [];
    for (const prefillChunk of [5, 16, 256]) {
      texts.push(await run(createWorld({ prefillChunk }), [sequenceNumber(4), sequenceNumber(8)]));
    }
    expect(texts[1]).toEqual(texts[0]);
    expect(texts[2]).toEqual(texts[0]);
  });

  it("frees the slots of aborted sequences at once and leaves the others' answers alone", async () => {
    const world = createWorld();
    const sequences = Array.from({ length: 10 }, (_, index) =>
      sequenceNumber(index, { maxTokens: 30 }),
    );
    const left = new Set([0, 3, 4, 9]); // 9 waits: there are 8 slots
    world.onStep = (step) => {
      if (step === 14) {
        for (const index of left) {
          const sequence = sequences[index];
          if (sequence !== undefined) {
            world.engine.abort(sequence);
            sequence.answer.cancel();
          }
        }
      }
    };
    const texts = await run(world, sequences);
    await assertAllFree(world);
    const kept = [...sequences.keys()].filter((index) => !left.has(index));
    const expected = await allAlone(kept, { maxTokens: 30 });
    expect(kept.map((index) => texts[index])).toEqual(expected);
    const lengths = [...left].map((index) => sequences[index]?.outputIds.length ?? 30);
    expect(Math.max(...lengths)).toBeLessThan(30);
  });

  it("goes on around a slot that was freed between two that decode", async () => {
    const world = createWorld();
    const short = sequenceNumber(2, { maxTokens: 2 });
    const first = sequenceNumber(0, { maxTokens: 25 });
    const last = sequenceNumber(6, { maxTokens: 25 });
    const late = sequenceNumber(8, { maxTokens: 8 });
    const lateAnswer = Promise.withResolvers<string>();
    const slots: (number | undefined)[] = [];
    world.onStep = (step) => {
      if (step === 15) {
        slots.push(short.slot, first.slot, last.slot); // a hole at 1
        void run(world, [late]).then(([text = ""]) => lateAnswer.resolve(text));
      } else if (step === 17) {
        slots.push(late.slot);
      }
    };
    const texts = await run(world, [first, short, last]);
    expect(slots).toEqual([undefined, 0, 2, 3]);
    expect(await lateAnswer.promise).toBe(await alone(8, { maxTokens: 8 }));
    const [answerOfFirst, answerOfLast] = await allAlone([0, 6], { maxTokens: 25 });
    expect(texts).toEqual([answerOfFirst, await alone(2, { maxTokens: 2 }), answerOfLast]);
    await assertAllFree(world);
  });

  it("fails only the sequences of a step that fails, and goes on with the rest", async () => {
    const world = createWorld();
    const sequences = Array.from({ length: 10 }, (_, index) =>
      sequenceNumber(index, { maxTokens: 30 }),
    );
    let failed: ReadonlySet<string> = new Set();
    world.onStep = (step, rows) => {
      if (step === 12) {
        const slots = new Set(rows.map(({ slot }) => slot));
        const { running } = world.engine.snapshot();
        failed = new Set(running.flatMap(({ id, slot = -1 }) => (slots.has(slot) ? [id] : [])));
        throw new Error("the device is gone");
      }
    };
    for (const sequence of sequences) {
      world.engine.submit(sequence);
    }
    const outcomes = await Promise.allSettled(sequences.map(({ answer }) => textOf(answer)));
    expect(failed.size).toBeGreaterThan(0);
    expect(failed.size).toBeLessThan(10);
    const unharmed = [...sequences.keys()].filter((index) => !failed.has(`s${index}`));
    const texts = await allAlone(unharmed, { maxTokens: 30 });
    expect(
      outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : [])),
    ).toEqual(texts);
    const reasons = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [String(outcome.reason)] : [],
    );
    expect(reasons).toEqual(Array(failed.size).fill("Error: the device is gone"));
    await assertAllFree(world);
    expect(await run(world, [sequenceNumber(1)])).toEqual([await alone(1)]);
  });
});

async function endOf(sequence: Sequence): Promise<AnswerEvent & { whole: string }> {
  const world = createWorld();
  world.engine.submit(sequence);
  const events = await eventsOf(sequence.answer);
  await assertAllFree(world);
  const last = events.at(-1);
  if (last === undefined) {
    throw new Error("expected events");
  }
  return { ...last, whole: events.map(({ text }) => text).join("") };
}

describe("an answer of the real model ends", () => {
  const maxTokens = 20;

  it("at its greatest length", async () => {
    expect(await endOf(sequenceNumber(0, { maxTokens }))).toMatchObject({
      finishReason: "length",
      completionTokens: maxTokens,
    });
  });

  it("at an end token, which is not shown", async () => {
    const sequence = sequenceNumber(0, { maxTokens });
    const { whole } = await endOf(sequence);
    const end = sequence.outputIds[6] ?? -1;
    const first = sequence.outputIds.indexOf(end);
    const endTokenIds = new Set([end]);
    expect(await endOf(sequenceNumber(0, { maxTokens, endTokenIds }))).toMatchObject({
      finishReason: "stop",
      completionTokens: first + 1,
      whole: whole.slice(0, first),
    });
  });

  it("at a stop string that spans tokens, of which nothing is shown", async () => {
    const { whole } = await endOf(sequenceNumber(0, { maxTokens }));
    const stop = whole.slice(5, 8); // each token is one character here
    const first = whole.indexOf(stop);
    expect(await endOf(sequenceNumber(0, { maxTokens, stops: [stop] }))).toMatchObject({
      finishReason: "stop",
      completionTokens: first + 3,
      whole: whole.slice(0, first),
    });
  });
});

describe("the generator over the real model", () => {
  it("answers requests with pictures alike alone and together", async () => {
    const generator = new EngineGenerator(model);
    const { signal } = new AbortController();
    const ask = (seed: number) => {
      const tokenIds = Int32Array.from(tokensOf(20 + seed, seed));
      const { length } = tokenIds;
      return textOf(
        generator.generate(
          {
            id: `r${seed}`,
            prompt: {
              tokenIds,
              positions: Int32Array.from({ length: 3 * length }, (_, i) => i % length),
              ropeDelta: 0,
            },
            tenant: "",
            priority: "interactive",
            media: [
              {
                digest: new Uint8Array(32).fill(seed),
                tokens: PICTURE_TOKENS,
                patched: pictureOf(seed),
                onFeatures: () => undefined,
              },
            ],
            visionPlaces: Int32Array.from({ length: PICTURE_TOKENS }, (_, i) => 3 + i),
            choices: [answerOptions({ maxTokens: 10 })],
          },
          signal,
        ),
      );
    };
    const seeds = [1, 2, 3, 4];
    const together = await Promise.all(seeds.map(ask));
    const expected: string[] = [];
    for (const seed of seeds) {
      expected.push(await ask(seed));
    }
    expect(together).toEqual(expected);
    expect(new Set(together).size).toBe(seeds.length);
    await generator.idle();
    expect(generator.snapshot()).toMatchObject({ waiting: [], running: [], freeSlots: SLOTS });
  });
});
