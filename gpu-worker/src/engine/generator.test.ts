import { describe, expect, it } from "vitest";

import { EngineGenerator } from "./generator.ts";
import { assertInvariants } from "./invariants.ts";
import { Sampler } from "./sampler.ts";
import { TestMasks } from "./test-masks.ts";
import { GREEDY, answerOptions, eventsOf, expectedText, textOf } from "./test-sequences.ts";
import { VisionModel, medium, requestOf } from "./test-vision-model.ts";

/** An answer whose first mask comes when the test releases it. */
function lateOptions() {
  const masks = new TestMasks({ isLate: (tokens) => tokens === 0 });
  const sampler = new Sampler(GREEDY, [], [masks]);
  return { masks, options: answerOptions({ sampler, constraint: masks }) };
}

const { signal: neverAborted } = new AbortController();

async function assertAllFree(generator: EngineGenerator): Promise<void> {
  await generator.idle();
  const snapshot = generator.snapshot();
  assertInvariants(snapshot);
  expect(snapshot).toMatchObject({ waiting: [], running: [], freeSlots: snapshot.slots });
}

describe("EngineGenerator", () => {
  it("answers a request without pictures", async () => {
    const generator = new EngineGenerator(new VisionModel(2));
    const text = await textOf(generator.generate(requestOf([4, 2]), neverAborted));
    expect(text).toBe(expectedText([4, 2], 4));
    await assertAllFree(generator);
  });

  it("hands the model the features of all pictures in their order", async () => {
    const model = new VisionModel(2);
    const generator = new EngineGenerator(model);
    await eventsOf(generator.generate(requestOf([0, 1, 2], [medium(5), medium(6)]), neverAborted));
    const { places, features } = model.rows[0]?.vision ?? {};
    expect([...(places ?? [])]).toEqual([0, 1]);
    expect([...(features?.embeddings ?? [])]).toEqual([5, 5, 6, 6]);
    expect([...(features?.deepstack[0] ?? [])]).toEqual([-5, -5, -6, -6]);
  });

  it("ends an aborted request at once while another's picture is encoded, and never encodes its own", async () => {
    const model = new VisionModel(2);
    const release = Promise.withResolvers<void>();
    model.onEncode = () => release.promise;
    const generator = new EngineGenerator(model);
    const controller = new AbortController();
    const other = eventsOf(generator.generate(requestOf([0], [medium(1)]), neverAborted));
    const aborted = eventsOf(generator.generate(requestOf([0], [medium(2)]), controller.signal));
    controller.abort();
    expect(await aborted).toEqual([]);
    release.resolve();
    expect((await other).at(-1)?.finishReason).toBe("length");
    await generator.idle();
    expect(model.encoded).toEqual([1]);
    await assertAllFree(generator);
  });

  it("fails only the request whose picture cannot be encoded", async () => {
    const model = new VisionModel(2);
    model.onEncode = (value) =>
      value === 1 ? Promise.reject(new Error("bad patches")) : Promise.resolve();
    const generator = new EngineGenerator(model);
    const failing = eventsOf(generator.generate(requestOf([0], [medium(1)]), neverAborted));
    const whole = eventsOf(generator.generate(requestOf([0], [medium(2)]), neverAborted));
    await expect(failing).rejects.toThrow("bad patches");
    expect((await whole).at(-1)?.finishReason).toBe("length");
    await assertAllFree(generator);
  });

  it("ends the events of a running request that is aborted, without a finish reason", async () => {
    const generator = new EngineGenerator(new VisionModel(2));
    const controller = new AbortController();
    const request = requestOf([1], [], [answerOptions({ maxTokens: 50 })]);
    const reasons: unknown[] = [];
    for await (const { completionTokens, finishReason } of generator.generate(
      request,
      controller.signal,
    )) {
      reasons.push(finishReason);
      if (completionTokens >= 2) {
        controller.abort();
      }
    }
    expect(reasons.length).toBeLessThan(50);
    expect(new Set(reasons)).toEqual(new Set([undefined]));
    await assertAllFree(generator);
  });

  it("leaves nothing running behind a reader that stops early", async () => {
    const model = new VisionModel(2);
    const generator = new EngineGenerator(model);
    for await (const event of generator.generate(
      requestOf([1], [], [answerOptions({ maxTokens: 50 })]),
      neverAborted,
    )) {
      expect(event.completionTokens).toBeGreaterThan(0);
      break;
    }
    await assertAllFree(generator);
    expect(model.steps.length).toBeLessThan(5);
  });

  it("gives several answers to one prompt, which is run once", async () => {
    const model = new VisionModel(4);
    const generator = new EngineGenerator(model);
    const prompt = Array.from({ length: 40 }, (_, index) => index % 26);
    const choices = [3, 5, 4].map((maxTokens) => answerOptions({ maxTokens }));
    const events = await eventsOf(generator.generate(requestOf(prompt, [], choices), neverAborted));
    for (const [choice, { maxTokens }] of choices.entries()) {
      const own = events.filter((event) => event.choice === choice);
      expect(own.map(({ text }) => text).join("")).toBe(expectedText(prompt, maxTokens));
      expect(own.at(-1)).toMatchObject({ completionTokens: maxTokens, finishReason: "length" });
    }
    const promptTokensRun = model.rows
      .filter(({ cachedTokens }) => cachedTokens < prompt.length)
      .map(({ tokenIds }) => tokenIds.length);
    expect(promptTokensRun).toEqual([40, 2, 2]);
    await assertAllFree(generator);
  });

  it("never runs the other answers of a request that ends while its prompt is read", async () => {
    const model = new VisionModel(4);
    const generator = new EngineGenerator(model);
    const controller = new AbortController();
    const choices = [answerOptions(), answerOptions()];
    const events = eventsOf(generator.generate(requestOf([1, 2], [], choices), controller.signal));
    await Promise.resolve();
    controller.abort();
    expect((await events).every(({ finishReason }) => finishReason === undefined)).toBe(true);
    await assertAllFree(generator);
    expect(model.rows.length).toBeLessThan(2);
  });
});

describe("EngineGenerator with a grammar that is being compiled", () => {
  it("runs nothing of an answer before its first token may be chosen", async () => {
    const model = new VisionModel(1);
    const generator = new EngineGenerator(model);
    const { masks, options } = lateOptions();
    const bound = textOf(generator.generate(requestOf([9, 9], [], [options]), neverAborted));
    const free = await textOf(generator.generate(requestOf([4, 2]), neverAborted));
    expect(free).toBe(expectedText([4, 2], 4)); // in the only slot there is
    expect(model.rows.some(({ tokenIds }) => tokenIds[0] === 9)).toBe(false);
    masks.release();
    expect(await bound).toHaveLength(4);
    expect(masks.misuses).toEqual([]);
    await assertAllFree(generator);
  });

  it("ends at once when it is aborted meanwhile", async () => {
    const model = new VisionModel(1);
    const generator = new EngineGenerator(model);
    const controller = new AbortController();
    const late = [lateOptions(), lateOptions()];
    const choices = late.map(({ options }) => options);
    const events = eventsOf(generator.generate(requestOf([9], [], choices), controller.signal));
    await new Promise(setImmediate);
    controller.abort();
    expect(await events).toEqual([]);
    expect(late.map(({ masks }) => masks.isDisposed)).toEqual([true, true]);
    await assertAllFree(generator);
    expect(model.rows).toEqual([]);
  });

  it("fails only the request whose grammar fails", async () => {
    const generator = new EngineGenerator(new VisionModel(2));
    const { masks, options } = lateOptions();
    const failing = eventsOf(generator.generate(requestOf([9], [], [options]), neverAborted));
    const free = textOf(generator.generate(requestOf([4, 2]), neverAborted));
    masks.releaseFailed(new Error("the grammar's thread is gone"));
    await expect(failing).rejects.toThrow("the grammar's thread is gone");
    expect(await free).toBe(expectedText([4, 2], 4));
    expect(masks.isDisposed).toBe(true);
    await assertAllFree(generator);
  });

  it("lets the other answers of a request go on", async () => {
    const generator = new EngineGenerator(new VisionModel(2));
    const { masks, options } = lateOptions();
    const choices = [answerOptions({ maxTokens: 9 }), options];
    const ends: number[] = [];
    for await (const { choice, finishReason } of generator.generate(
      requestOf([1, 2], [], choices),
      neverAborted,
    )) {
      if (finishReason !== undefined) {
        ends.push(choice);
        masks.release();
      }
    }
    expect(ends).toEqual([0, 1]);
    await assertAllFree(generator);
  });
});
