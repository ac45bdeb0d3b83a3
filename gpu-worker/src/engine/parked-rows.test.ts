import { describe, expect, it } from "vitest";

import { Engine } from "./engine.ts";
import type { EngineOptions } from "./engine.ts";
import { assertInvariants } from "./invariants.ts";
import type { ModelRow } from "./model.ts";
import { Sampler } from "./sampler.ts";
import { TestMasks } from "./test-masks.ts";
import { GREEDY, SumModel, eventsOf, expectedText, sequenceOf, textOf } from "./test-sequences.ts";

/** Fails the steps it is told to. */
class FailingModel extends SumModel {
  isFailing = false;

  override async forward(rows: readonly ModelRow[]) {
    const logits = await super.forward(rows);
    if (this.isFailing) {
      throw new Error("the device is gone");
    }
    return logits;
  }
}

function createWorld(slots = 3, options: Partial<EngineOptions> = {}) {
  const model = new FailingModel(slots);
  const parked = Promise.withResolvers<void>();
  const engine: Engine = new Engine(model, {
    prefillChunk: 4,
    lonePrefillChunk: 4,
    maskGraceMs: 0,
    ...options,
    observer: {
      stepped: () => {
        const snapshot = engine.snapshot();
        assertInvariants(snapshot);
        if (snapshot.running.some(({ isParked }) => isParked)) {
          parked.resolve();
        }
      },
    },
  });
  return { model, engine, parked: parked.promise };
}

type World = ReturnType<typeof createWorld>;

/** A sequence whose mask after so many tokens comes when the test releases it. */
function boundSequence(lateAt: number, options: Parameters<typeof sequenceOf>[2] = {}) {
  const masks = new TestMasks({ isLate: (tokens) => tokens === lateAt });
  const sampler = new Sampler({ ...GREEDY, temperature: 1, seed: 5 }, [], [masks]);
  const sequence = sequenceOf("bound", [3, 5, 8, 1], {
    maxTokens: 6,
    ...options,
    sampler,
    constraint: masks,
  });
  return { masks, sequence };
}

/** The answer of a bound sequence that has the engine to itself and never waits. */
async function answerAlone(): Promise<string> {
  const { engine } = createWorld();
  const { sequence } = boundSequence(-1);
  engine.submit(sequence);
  return textOf(sequence.answer);
}

async function assertAllFree({ engine }: World): Promise<void> {
  await engine.idle();
  const { waiting, running, freeSlots, slots } = engine.snapshot();
  expect({ waiting, running, freeSlots }).toEqual({ waiting: [], running: [], freeSlots: slots });
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise(setImmediate);
  }
}

describe("Engine with a mask that is late", () => {
  it.each([0, 1, 3])("lets all others go on, after %i tokens", async (lateAt) => {
    const world = createWorld();
    const { masks, sequence } = boundSequence(lateAt);
    const bound = textOf(sequence.answer);
    const free = sequenceOf("free", [1, 2], { maxTokens: 20 });
    const otherBound = sequenceOf("other", [4], { maxTokens: 20, constraint: new TestMasks() });
    for (const one of [sequence, free, otherBound]) {
      world.engine.submit(one);
    }
    expect(await textOf(free.answer)).toBe(expectedText([1, 2], 20));
    expect(await textOf(otherBound.answer)).toBe(expectedText([4], 20));
    expect(world.engine.snapshot().running).toMatchObject([{ id: "bound", isParked: true }]);
    expect(sequence.outputIds).toHaveLength(lateAt);
    masks.release();
    expect(await bound).toBe(await answerAlone());
    expect(masks.misuses).toEqual([]);
    await assertAllFree(world);
  });

  it("tells what is known and rests when nothing else runs", async () => {
    const world = createWorld();
    const { masks, sequence } = boundSequence(2);
    world.engine.submit(sequence);
    const events = sequence.answer[Symbol.asyncIterator]();
    let told = 0;
    while (told < 2) {
      told = (await events.next()).value?.completionTokens ?? Infinity;
    }
    await world.parked;
    const steps = world.model.steps.length;
    await turns(20);
    expect(world.model.steps).toHaveLength(steps);
    masks.release();
    const last = await eventsOf({ [Symbol.asyncIterator]: () => events });
    expect(last.at(-1)).toMatchObject({ completionTokens: 6, finishReason: "length" });
    await assertAllFree(world);
  });

  it("waits for it where it comes soon, so that the row misses no step", async () => {
    const world = createWorld(3, { maskGraceMs: 600_000 });
    const masks = new TestMasks({
      isLate: () => true,
      onLate: (late) => setImmediate(() => late.release()),
    });
    await masks.ready();
    const sequence = sequenceOf("bound", [3], { maxTokens: 6, constraint: masks });
    const free = sequenceOf("free", [1], { maxTokens: 6 });
    world.engine.submit(sequence);
    world.engine.submit(free);
    await Promise.all([textOf(sequence.answer), textOf(free.answer)]);
    expect(world.model.steps.map((rows) => rows.length)).toEqual([1, 2, 2, 2, 2, 2, 1]);
    expect(masks.misuses).toEqual([]);
  });

  it("begins another while all that run are parked", async () => {
    const world = createWorld();
    const { masks, sequence } = boundSequence(1);
    world.engine.submit(sequence);
    await world.parked;
    const free = sequenceOf("free", [1, 2]);
    world.engine.submit(free);
    expect(await textOf(free.answer)).toBe(expectedText([1, 2], 4));
    masks.release();
    expect(await textOf(sequence.answer)).toBe(await answerAlone());
    await assertAllFree(world);
  });

  it("ends a parked sequence that is aborted, though its mask never comes", async () => {
    const world = createWorld(1);
    const { masks, sequence } = boundSequence(1);
    const next = sequenceOf("next", [7]);
    world.engine.submit(sequence);
    world.engine.submit(next);
    await world.parked;
    world.engine.abort(sequence);
    sequence.answer.cancel();
    masks[Symbol.dispose]();
    expect(await textOf(next.answer)).toBe(expectedText([7], 4));
    expect(sequence.outputIds).toHaveLength(1);
    expect(masks.misuses).toEqual([]);
    await assertAllFree(world);
  });

  it("never chooses a token of one that was aborted during the step", async () => {
    const world = createWorld();
    const { masks, sequence } = boundSequence(-1);
    world.engine.submit(sequence);
    await new Promise(setImmediate); // the first step runs
    world.engine.abort(sequence);
    masks[Symbol.dispose]();
    await assertAllFree(world);
    expect(masks.misuses).toEqual([]);
  });

  it("fails only the answer whose mask fails", async () => {
    const world = createWorld();
    const { masks, sequence } = boundSequence(2);
    const free = sequenceOf("free", [1, 2], { maxTokens: 20 });
    world.engine.submit(sequence);
    world.engine.submit(free);
    await world.parked;
    masks.releaseFailed(new Error("the grammar's thread is gone"));
    await expect(eventsOf(sequence.answer)).rejects.toThrow("the grammar's thread is gone");
    expect(await textOf(free.answer)).toBe(expectedText([1, 2], 20));
    await assertAllFree(world);
  });

  it("keeps a parked sequence where a step of others fails", async () => {
    const world = createWorld();
    const { masks, sequence } = boundSequence(2);
    world.engine.submit(sequence);
    await world.parked;
    const free = sequenceOf("free", [1, 2]);
    world.model.isFailing = true;
    world.engine.submit(free);
    await expect(eventsOf(free.answer)).rejects.toThrow("the device is gone");
    world.model.isFailing = false;
    masks.release();
    expect(await textOf(sequence.answer)).toBe(await answerAlone());
    await assertAllFree(world);
  });

  it.each([0, 2])("runs the last token again of one that gave way, after %i", async (lateAt) => {
    const world = createWorld(1);
    const { masks, sequence } = boundSequence(lateAt, { priority: "batch" });
    const bound = textOf(sequence.answer);
    world.engine.submit(sequence);
    await world.parked;
    const urgent = sequenceOf("urgent", [1, 2]);
    world.engine.submit(urgent);
    expect(await textOf(urgent.answer)).toBe(expectedText([1, 2], 4));
    masks.release();
    expect(await bound).toBe(await answerAlone());
    expect(world.engine.snapshot().preemptions).toBe(1);
    expect(masks.misuses).toEqual([]);
    await assertAllFree(world);
  });
});
