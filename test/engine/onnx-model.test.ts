import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { ModelRow } from "../../gpu-worker/src/engine/model.ts";
import type { OnnxModel } from "../../gpu-worker/src/runtime/onnx-model.ts";
import {
  PICTURE_TOKENS,
  SLOTS,
  SLOT_CAPACITY,
  openDenseModel,
  pictureOf,
  textRow,
  tokensOf,
} from "../support/dense-model.ts";

let model: OnnxModel;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ model, close } = await openDenseModel());
});
afterAll(() => close());

/** Logits of each row, copied: the model's own are valid until the next call only. */
async function forward(...rows: readonly ModelRow[]): Promise<Float32Array<ArrayBuffer>[]> {
  const logits = await model.forward(rows);
  return logits.map((row) => Float32Array.from(row ?? []));
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? NaN))), 0);
}

function indexOfLargest(values: Float32Array): number {
  return values.indexOf(Math.max(...values));
}

/** Prompts of different lengths, one for each slot. */
const prompts = Array.from({ length: SLOTS }, (_, slot) => tokensOf(5 + 9 * slot, slot + 1));

async function prefillAll(): Promise<void> {
  for (const [slot, prompt] of prompts.entries()) {
    await forward(textRow(slot, 0, prompt));
  }
}

function decodeRow(slot: number): ModelRow {
  return textRow(slot, prompts[slot]?.length ?? 0, [slot + 700]);
}

describe("OnnxModel", () => {
  it("gives a prompt read one token at a time the logits of one read at once, but for rounding", async () => {
    const prompt = tokensOf(50);
    const whole = await readInChunks(model, prompt, prompt.length);
    const logits = await readInChunks(model, prompt, 1);
    expect(largestDifference(logits, whole)).toBeLessThan(1e-4);
    expect(indexOfLargest(logits)).toBe(indexOfLargest(whole));
  });

  it("gives each of eight that decode together, bit for bit, the logits of one alone", async () => {
    await prefillAll();
    const together = await forward(...prompts.map((_, slot) => decodeRow(slot)));
    await prefillAll();
    for (const slot of prompts.keys()) {
      const [alone] = await forward(decodeRow(slot));
      expect(alone).toEqual(together[slot]);
    }
  });

  it("leaves slots between the decoding ones as they were, also one whose prompt is half read", async () => {
    await prefillAll();
    const expected = await forward(...prompts.map((_, slot) => decodeRow(slot)));

    await prefillAll();
    const half = tokensOf(40, 99);
    await forward(textRow(2, 0, half.slice(0, 20)));
    const holes = await forward(decodeRow(6), decodeRow(1)); // 0 and 2 to 5 are holes
    expect(holes).toEqual([expected[6], expected[1]]);

    const [rest] = await forward(textRow(2, 20, half.slice(20)));
    await forward(textRow(2, 0, half.slice(0, 20)));
    const [undisturbed] = await forward(textRow(2, 20, half.slice(20)));
    expect(rest).toEqual(undisturbed);
    for (const slot of [0, 3, 4, 5, 7]) {
      expect(await forward(decodeRow(slot))).toEqual([expected[slot]]);
    }
  });

  it("forgets what a slot held before", async () => {
    const prompt = tokensOf(10, 3);
    const [fresh] = await forward(textRow(4, 0, prompt));
    await forward(textRow(4, 0, tokensOf(SLOT_CAPACITY, 5)));
    expect(await forward(textRow(4, 0, prompt))).toEqual([fresh]);
  });

  it("fills a slot to its last place", async () => {
    const prompt = tokensOf(SLOT_CAPACITY, 8);
    const [whole = new Float32Array()] = await forward(textRow(7, 0, prompt));
    await forward(textRow(7, 0, prompt.slice(0, -1)));
    const [last = new Float32Array()] = await forward(
      textRow(7, SLOT_CAPACITY - 1, prompt.slice(-1)),
    );
    expect(largestDifference(last, whole)).toBeLessThan(1e-4);
  });

  it("sees a picture alike in one chunk and across two", async () => {
    const features = await model.encode(pictureOf(1));
    const prompt = tokensOf(20);
    const places = Array.from({ length: PICTURE_TOKENS }, (_, index) => 5 + index);
    const [whole = new Float32Array()] = await forward({
      ...textRow(0, 0, prompt),
      vision: { places: Int32Array.from(places), features },
    });
    const width = features.embeddings.length / PICTURE_TOKENS;
    const part = (from: number, to: number) => ({
      embeddings: features.embeddings.subarray(from * width, to * width),
      deepstack: features.deepstack.map((layer) => layer.subarray(from * width, to * width)),
    });
    await forward({
      ...textRow(1, 0, prompt.slice(0, 8)),
      vision: { places: Int32Array.of(5, 6, 7), features: part(0, 3) },
    });
    const [chunked = new Float32Array()] = await forward({
      ...textRow(1, 8, prompt.slice(8)),
      vision: { places: Int32Array.of(0, 1, 2), features: part(3, 6) },
    });
    expect(largestDifference(chunked, whole)).toBeLessThan(1e-4);
    const [blind = new Float32Array()] = await forward(textRow(2, 0, prompt));
    expect(largestDifference(blind, whole)).toBeGreaterThan(1e-2);
  });

  it("encodes a picture to the same features every time", async () => {
    const once = await model.encode(pictureOf(2));
    expect(await model.encode(pictureOf(2))).toEqual(once);
    expect(once.embeddings).not.toEqual((await model.encode(pictureOf(3))).embeddings);
  });

  it("gives no logits where none are wanted", async () => {
    const row = { ...textRow(0, 0, tokensOf(4)), wantsLogits: false };
    expect(await model.forward([row])).toEqual([undefined]);
  });

  it("fails a step that names a token beyond the vocabulary, and runs the next", async () => {
    const expected = await forward(textRow(0, 0, tokensOf(4)));
    await expect(model.forward([textRow(0, 0, [99_999])])).rejects.toThrow("ONNX Runtime: ");
    expect(await forward(textRow(0, 0, tokensOf(4)))).toEqual(expected);
  });
});

describe.each(["fp32", "int8", "int4"] as const)("a model of %s weights", (precision) => {
  it("gives a prompt the same bits in chunks of two tokens or more, whatever their size", async () => {
    const { model: quantised, close: closeQuantised } = await openDenseModel(precision);
    const prompt = tokensOf(150);
    const whole = await readInChunks(quantised, prompt, prompt.length);
    for (const chunk of [2, 7, 32, 64, 148]) {
      expect(await readInChunks(quantised, prompt, chunk)).toEqual(whole);
    }
    await closeQuantised();
  });
});

/** Logits after a prompt's last token, and after one more: of all that the cache holds. */
async function readInChunks(
  reader: OnnxModel,
  prompt: readonly number[],
  chunk: number,
): Promise<Float32Array> {
  let logits = new Float32Array();
  for (let start = 0; start < prompt.length; start += chunk) {
    const row = textRow(1, start, prompt.slice(start, start + chunk));
    const [read = logits] = await reader.forward([row]);
    logits = Float32Array.from(read);
  }
  const [next = logits] = await reader.forward([textRow(1, prompt.length, [7])]);
  return Float32Array.of(...logits, ...next);
}
