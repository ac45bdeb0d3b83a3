import { describe, expect, it } from "vitest";

import { Engine } from "./engine.ts";
import { assertInvariants } from "./invariants.ts";
import type { ModelRow } from "./model.ts";
import {
  SumModel,
  eventsOf,
  expectedAnswer,
  expectedText,
  letters,
  sequenceOf,
  textOf,
} from "./test-sequences.ts";

/** Calls `onStep` before each step, when the batch of the step is set up. */
class ObservedModel extends SumModel {
  onStep: (step: number, rows: readonly ModelRow[]) => void = () => undefined;

  override async forward(rows: readonly ModelRow[]) {
    this.onStep(this.steps.length, rows);
    return super.forward(rows);
  }
}

function createEngine(slots = 3) {
  const model = new ObservedModel(slots);
  const engine = new Engine(model, { prefillChunk: 4, lonePrefillChunk: 4 });
  model.onStep = () => assertInvariants(engine.snapshot());
  return { model, engine };
}

async function finalState({ engine }: { engine: Engine }) {
  await engine.idle();
  assertInvariants(engine.snapshot());
  const { waiting, running, freeSlots } = engine.snapshot();
  return { waiting: waiting.length, running: running.length, freeSlots };
}

const ALL_FREE = { waiting: 0, running: 0, freeSlots: 3 };

describe("Engine", () => {
  it("reads a prompt in chunks and answers as if it had been read at once", async () => {
    const { model, engine } = createEngine();
    const prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    const sequence = sequenceOf("s", prompt, { maxTokens: 2 });
    engine.submit(sequence);
    expect(await textOf(sequence.answer)).toBe(expectedText(prompt, 2));
    expect(model.steps).toEqual([
      ["0: 1 2 3 4"],
      ["0: 5 6 7"],
      ["0: 8 9"],
      [`0: ${expectedAnswer(prompt, 1).join()}`],
    ]);
  });

  it("gives each of many sequences its own answer and every slot back", async () => {
    const world = createEngine();
    const prompts = Array.from({ length: 20 }, (_, index) =>
      Array.from({ length: 1 + (index % 11) }, (__, place) => (index * 7 + place) % 26),
    );
    const sequences = prompts.map((prompt, index) =>
      sequenceOf(`s${index}`, prompt, { maxTokens: 1 + (index % 5) }),
    );
    for (const sequence of sequences) {
      world.engine.submit(sequence);
    }
    const texts = await Promise.all(sequences.map(({ answer }) => textOf(answer)));
    expect(texts).toEqual(prompts.map((prompt, index) => expectedText(prompt, 1 + (index % 5))));
    expect(await finalState(world)).toEqual(ALL_FREE);
  });

  it("goes on answering while a long prompt is read", async () => {
    const { model, engine } = createEngine();
    const short = sequenceOf("short", [1], { maxTokens: 5 });
    const long = sequenceOf("long", Array<number>(12).fill(2), { maxTokens: 1 });
    engine.submit(short);
    engine.submit(long);
    await Promise.all([textOf(short.answer), textOf(long.answer)]);
    expect(model.steps.map((rows) => rows.length)).toEqual([1, 2, 2, 2, 1]);
  });

  it("frees the slot of an aborted sequence and leaves the others alone", async () => {
    const world = createEngine(2);
    const kept = sequenceOf("kept", [3, 5], { maxTokens: 12 });
    const aborted = sequenceOf("aborted", [4, 5], { maxTokens: 12 });
    const next = sequenceOf("next", [5, 5], { maxTokens: 12 });
    for (const sequence of [kept, aborted, next]) {
      world.engine.submit(sequence);
    }
    world.model.onStep = (step) => {
      assertInvariants(world.engine.snapshot());
      if (step === 4) {
        world.engine.abort(aborted);
        aborted.answer.cancel();
      }
    };
    expect(await textOf(kept.answer)).toBe(expectedText([3, 5], 12));
    expect(await textOf(next.answer)).toBe(expectedText([5, 5], 12));
    expect(aborted.outputIds.length).toBeLessThan(5);
    expect(aborted.slot).toBeUndefined();
    expect(await finalState(world)).toEqual({ ...ALL_FREE, freeSlots: 2 });
  });

  it("never runs a sequence that was aborted while it waited, nor minds one that has ended", async () => {
    const world = createEngine(1);
    const first = sequenceOf("first", [1], { maxTokens: 2 });
    const waiting = sequenceOf("waiting", [9], { maxTokens: 2 });
    world.engine.submit(first);
    world.engine.submit(waiting);
    world.engine.abort(waiting);
    await textOf(first.answer);
    world.engine.abort(first);
    expect(await finalState(world)).toEqual({ ...ALL_FREE, freeSlots: 1 });
    expect(world.model.steps.flat()).not.toContain("0: 9");
  });

  it("fails only the sequences of the step that failed, and goes on", async () => {
    const world = createEngine(1);
    const failing = sequenceOf("failing", [1]);
    const waiting = sequenceOf("waiting", [2]);
    world.model.onStep = () => {
      if (world.engine.snapshot().running[0]?.id === "failing") {
        throw new Error("the device is gone");
      }
    };
    world.engine.submit(failing);
    world.engine.submit(waiting);
    await expect(eventsOf(failing.answer)).rejects.toThrow("the device is gone");
    expect(await textOf(waiting.answer)).toBe(expectedText([2], 4));
    expect(await finalState(world)).toEqual({ ...ALL_FREE, freeSlots: 1 });
  });

  it("fails only the sequence whose answer cannot take its token", async () => {
    const world = createEngine();
    const decoder = {
      ...letters,
      push: (): string => {
        throw new Error("token 9 has no bytes");
      },
    };
    const broken = sequenceOf("broken", [1], { decoder });
    const whole = sequenceOf("whole", [2]);
    world.engine.submit(broken);
    world.engine.submit(whole);
    await expect(eventsOf(broken.answer)).rejects.toThrow("token 9 has no bytes");
    expect(await textOf(whole.answer)).toBe(expectedText([2], 4));
    expect(await finalState(world)).toEqual(ALL_FREE);
  });

  it("starts again after it was idle", async () => {
    const { engine } = createEngine();
    for (const prompt of [[1], [2]]) {
      const sequence = sequenceOf("s", prompt);
      engine.submit(sequence);
      expect(await textOf(sequence.answer)).toBe(expectedText(prompt, 4));
      await engine.idle();
    }
  });

  it("refuses a sequence without a prompt, or one that could outgrow its slot", () => {
    const { engine } = createEngine();
    expect(() => engine.submit(sequenceOf("empty", []))).toThrow("got 0 growing to 4");
    const long = sequenceOf("long", [1], { maxTokens: 64 });
    expect(() => engine.submit(long)).toThrow("at most 64 tokens, got 1 growing to 65");
  });

  it("runs only what is new of a conversation's next turn, and answers as if it had run all", async () => {
    const { model, engine } = createEngine();
    const first = Array.from({ length: 20 }, (_, index) => index % 26);
    const turn = sequenceOf("first", first, { maxTokens: 3 });
    engine.submit(turn);
    await textOf(turn.answer);
    await engine.idle();
    const second = [...first, ...turn.outputIds, 7, 8];
    const next = sequenceOf("second", second, { maxTokens: 2 });
    model.steps.length = 0;
    engine.submit(next);
    const events = await eventsOf(next.answer);
    expect(events.at(-1)?.cachedTokens).toBe(22); // the last token of an answer is never run
    expect(events.map(({ text }) => text).join("")).toBe(expectedText(second, 2));
    expect(model.steps[0]).toEqual([`0: ${second.slice(22).join(" ")}`]);
  });

  it("shares what another sequence has read, by a copy, and leaves that one alone", async () => {
    const { engine } = createEngine();
    const shared = Array.from({ length: 20 }, (_, index) => (index * 3) % 26);
    const prompts = [
      [...shared, 1, 1],
      [...shared, 2, 2],
    ];
    const running = sequenceOf("a", prompts[0] ?? [], { maxTokens: 30 });
    const other = sequenceOf("b", prompts[1] ?? [], { maxTokens: 3 });
    engine.submit(running);
    for await (const event of running.answer) {
      if (event.completionTokens === 1) {
        engine.submit(other); // while the first one runs
      }
    }
    const events = await eventsOf(other.answer);
    expect(events.at(-1)?.cachedTokens).toBe(20);
    expect(events.map(({ text }) => text).join("")).toBe(expectedText(prompts[1] ?? [], 3));
    expect(running.outputIds).toEqual(expectedAnswer(prompts[0] ?? [], 30));
  });
});
