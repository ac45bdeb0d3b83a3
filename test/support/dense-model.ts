import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openCheckpoint } from "../../gpu-worker/src/checkpoint.ts";
import type { ModelRow, PatchedMedium } from "../../gpu-worker/src/engine/model.ts";
import { buildGraphs } from "../../gpu-worker/src/model/build-graphs.ts";
import type { GraphFiles } from "../../gpu-worker/src/model/build-graphs.ts";
import type { Precision } from "../../gpu-worker/src/model/precision.ts";
import { OnnxModel } from "../../gpu-worker/src/runtime/onnx-model.ts";
import type { ModelConfig } from "../../gpu-worker/src/weights/model-config.ts";

/** A tiny random Qwen3-VL: 4 layers of width 64, 1,536 tokens. */
export const DENSE = join(import.meta.dirname, "../golden/data/checkpoints/dense");

export const SLOTS = 8;
export const SLOT_CAPACITY = 160;

/** Its sibling with a mixture of 8 experts. */
export const MIXTURE = join(import.meta.dirname, "../golden/data/checkpoints/moe");

/** The graphs of a tiny checkpoint, in a temporary folder. */
export async function openDenseGraphs(
  precision: Precision = "fp32",
  checkpoint = DENSE,
): Promise<{ config: ModelConfig; graphs: GraphFiles; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "dense-graphs-"));
  const { config, tensors } = await openCheckpoint(checkpoint);
  const graphs = await buildGraphs({ config, tensors }, join(folder, "graphs"), { precision });
  return { config, graphs, remove: () => rm(folder, { recursive: true }) };
}

/** The real model on ONNX Runtime over a tiny checkpoint. */
export async function openDenseModel(
  precision: Precision = "fp32",
  checkpoint = DENSE,
): Promise<{ model: OnnxModel; close: () => Promise<void> }> {
  const { config, graphs, remove } = await openDenseGraphs(precision, checkpoint);
  const sizes = {
    threads: 2,
    slots: SLOTS,
    slotCapacity: SLOT_CAPACITY,
    tokenBudget: SLOTS * SLOT_CAPACITY,
  };
  const model = new OnnxModel({ config, graphs, precision, ...sizes });
  return {
    model,
    close: () => {
      model.close();
      return remove();
    },
  };
}

/** Token ids that look random and are the same in every run; none is special. */
export function tokensOf(length: number, seed = 1): number[] {
  return Array.from(
    { length },
    (_, index) => (seed * 7919 + index * index * 31 + index * 17) % 1500,
  );
}

/** The tokens from `cachedTokens` on as a row of text. */
export function textRow(slot: number, cachedTokens: number, tokenIds: readonly number[]): ModelRow {
  const { length } = tokenIds;
  return {
    slot,
    cachedTokens,
    tokenIds: Int32Array.from(tokenIds),
    positions: Int32Array.from({ length: 3 * length }, (_, i) => cachedTokens + (i % length)),
    vision: undefined,
    wantsLogits: true,
  };
}

/** A picture of 4 × 6 patches, which become 6 tokens. */
export function pictureOf(seed: number): PatchedMedium {
  const patches = Float32Array.from({ length: 24 * 1536 }, (_, index) =>
    Math.sin(seed * 1000 + index),
  );
  return { patches, grid: { t: 1, h: 4, w: 6 } };
}

export const PICTURE_TOKENS = 6;
