/** The real model of 4 bits where its rows are long enough for blocks of 64. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, it } from "vitest";

import type { ModelRow } from "../../gpu-worker/src/engine/model.ts";
import type { OnnxModel } from "../../gpu-worker/src/runtime/onnx-model.ts";
import { SLOTS, SLOT_CAPACITY, openDenseModel, textRow, tokensOf } from "../support/dense-model.ts";
import {
  asFloat32,
  configWith,
  randomTensors,
  writeCheckpoint,
} from "../support/random-checkpoint.ts";

let folder: string;
let model: OnnxModel;
let close: () => Promise<void>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "long-rows-"));
  const config = await configWith({ intermediate_size: 1024 });
  const tensors = Array.from(randomTensors(config, false));
  const stored = new Map(tensors.map(([name, tensor]) => [name, asFloat32(tensor)]));
  await writeCheckpoint(folder, config, stored);
  ({ model, close } = await openDenseModel("int4", folder));
});
afterAll(async () => {
  await close();
  await rm(folder, { recursive: true });
});

async function forward(...rows: readonly ModelRow[]): Promise<Float32Array<ArrayBuffer>[]> {
  return (await model.forward(rows)).map((row) => Float32Array.from(row ?? []));
}

const prompts = Array.from({ length: SLOTS }, (_, slot) => tokensOf(5 + 8 * slot, slot + 1));

const decodeRow = (slot: number) => textRow(slot, prompts[slot]?.length ?? 0, [slot + 700]);

async function prefillAll(): Promise<void> {
  for (const [slot, prompt] of prompts.entries()) {
    await forward(textRow(slot, 0, prompt));
  }
}

/** Logits after a prompt's last token, and after one more: of all that the cache holds. */
async function readInChunks(prompt: readonly number[], chunk: number) {
  let read: Float32Array<ArrayBuffer>[] = [];
  for (let start = 0; start < prompt.length; start += chunk) {
    read = await forward(textRow(1, start, prompt.slice(start, start + chunk)));
  }
  return [...read, ...(await forward(textRow(1, prompt.length, [7])))];
}

it("gives a prompt the same bits in chunks of any size from two tokens on", async () => {
  for (const length of [150, 151]) {
    const prompt = tokensOf(length);
    const whole = await readInChunks(prompt, length);
    for (const chunk of [2, 3, 7, 32, 49, 147].filter((size) => length % size !== 1)) {
      expect(await readInChunks(prompt, chunk)).toEqual(whole);
    }
  }
});

it("gives each sequence the same bits however many others decode beside it", async () => {
  await prefillAll();
  const expected = await forward(...prompts.map((_, slot) => decodeRow(slot)));
  for (const slots of [[0], [7], [0, 1, 2], [5, 6, 7], [1, 3], [2, 6], [0, 4, 7]]) {
    await prefillAll();
    const logits = await forward(...slots.map((slot) => decodeRow(slot)));
    expect(logits).toEqual(slots.map((slot) => expected[slot]));
    const others = prompts.flatMap((_, slot) => (slots.includes(slot) ? [] : [slot]));
    expect(await forward(...others.map((slot) => decodeRow(slot)))).toEqual(
      others.map((slot) => expected[slot]),
    );
  }
});

it("fills a slot to its last place, by an odd chunk, and leaves its neighbours as they were", async () => {
  await prefillAll();
  const expected = await forward(decodeRow(3), decodeRow(5));
  await prefillAll();
  const prompt = tokensOf(SLOT_CAPACITY, 4);
  const [whole] = await forward(textRow(4, 0, prompt));
  await forward(textRow(4, 0, prompt.slice(0, -3)));
  expect(await forward(textRow(4, SLOT_CAPACITY - 3, prompt.slice(-3)))).toEqual([whole]);
  expect(await forward(decodeRow(3), decodeRow(5))).toEqual(expected);
});
