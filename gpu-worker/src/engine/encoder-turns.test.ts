import { describe, expect, it } from "vitest";

import { EngineGenerator } from "./generator.ts";
import { eventsOf, textOf } from "./test-sequences.ts";
import { VisionModel, medium, requestOf } from "./test-vision-model.ts";

const { signal: neverAborted } = new AbortController();

describe("the encoder", () => {
  it("runs for one picture at a time, whoever asks", async () => {
    const model = new VisionModel(2);
    let inside = 0;
    let most = 0;
    model.onEncode = async () => {
      most = Math.max(most, ++inside);
      await new Promise(setImmediate);
      inside--;
    };
    const generator = new EngineGenerator(model);
    await Promise.all(
      [1, 2, 3].map((value) =>
        eventsOf(
          generator.generate(requestOf([0, 1], [medium(value), medium(value)]), neverAborted),
        ),
      ),
    );
    expect(model.encoded).toHaveLength(6);
    expect(most).toBe(1);
  });

  it("is left to a picture that somebody waits for between the runs of a job's clip", async () => {
    const model = new VisionModel(2);
    const generator = new EngineGenerator(model);
    const clip = { patches: Float32Array.of(1), grid: { t: 3, h: 2, w: 2 } };
    const picture = { ...requestOf([0, 9], [medium(2)]), id: "person" };
    const asked = Promise.withResolvers<string>();
    model.onEncode = () => {
      if (model.encoded.length === 1) {
        asked.resolve(textOf(generator.generate(picture, neverAborted)));
      }
      return new Promise(setImmediate);
    };
    const job = { ...requestOf([0, 9], [clip]), id: "job", priority: "batch" } as const;
    await textOf(generator.generate(job, neverAborted));
    await asked.promise;
    expect(model.encoded).toEqual([1, 2, 1, 1]);
  });

  it("runs one thing at a time though a clip is aborted while it lets a picture in", async () => {
    const model = new VisionModel(2);
    const generator = new EngineGenerator(model);
    const abort = new AbortController();
    const clip = { patches: Float32Array.of(1), grid: { t: 3, h: 2, w: 2 } };
    const pictures = [2, 3].map((value) => requestOf([0, 9], [medium(value)]));
    const asked: Promise<string>[] = [];
    let underWay = 0;
    model.onEncode = async (value) => {
      underWay++;
      expect(underWay).toBe(1);
      if (model.encoded.length === 1) {
        asked.push(...pictures.map((picture) => textOf(generator.generate(picture, neverAborted))));
      }
      if (value === 2) {
        abort.abort();
      }
      await new Promise(setImmediate);
      underWay--;
    };
    const job = { ...requestOf([0, 9], [clip]), priority: "batch" } as const;
    expect(await textOf(generator.generate(job, abort.signal))).toBe("");
    await Promise.all(asked);
    expect(model.encoded).toEqual([1, 2, 3]);
  });
});
