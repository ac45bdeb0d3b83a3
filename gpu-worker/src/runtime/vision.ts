import type { PatchedMedium, VisionFeatures } from "../engine/model.ts";
import { VISION } from "../model/vision-encoder.ts";
import { interpolatePositions, visionRotaryTable } from "../model/vision-positions.ts";
import type { VisionEncoderConfig } from "../weights/model-config.ts";
import type { Session } from "./session.ts";
import { Tensor } from "./tensor.ts";

/** Patches that one run encodes: enough to be efficient, and a few hundred megabytes at 2B size. */
const MAX_RUN_PATCHES = 16_384;

/**
 * Runs the vision encoder over one picture or clip. Attention stays within a frame pair, so a clip is
 * encoded a few pairs at a time and needs no more memory than they do.
 */
export async function encodeMedium(
  session: Session,
  config: VisionEncoderConfig,
  { patches, grid }: PatchedMedium,
): Promise<VisionFeatures> {
  const pairPatches = grid.h * grid.w;
  const pairLength = (pairPatches / config.mergeSize ** 2) * config.outHiddenSize;
  const pairsPerRun = Math.max(1, Math.floor(MAX_RUN_PATCHES / pairPatches));
  const features = emptyFeatures(config, grid.t * pairLength);
  for (let pair = 0; pair < grid.t; pair += pairsPerRun) {
    const t = Math.min(pairsPerRun, grid.t - pair);
    const rowLength = patches.length / (grid.t * pairPatches);
    const window = {
      patches: patches.subarray(
        pair * pairPatches * rowLength,
        (pair + t) * pairPatches * rowLength,
      ),
      grid: { ...grid, t },
    };
    const part = (rows: Float32Array<ArrayBuffer>) =>
      rows.subarray(pair * pairLength, (pair + t) * pairLength);
    await runEncoder(session, config, window, {
      embeddings: part(features.embeddings),
      deepstack: features.deepstack.map(part),
    });
  }
  return features;
}

interface FeatureRows {
  embeddings: Float32Array<ArrayBuffer>;
  deepstack: Float32Array<ArrayBuffer>[];
}

function emptyFeatures({ deepstackLayers }: VisionEncoderConfig, length: number): FeatureRows {
  return {
    embeddings: new Float32Array(length),
    deepstack: deepstackLayers.map(() => new Float32Array(length)),
  };
}

async function runEncoder(
  session: Session,
  config: VisionEncoderConfig,
  { patches, grid }: PatchedMedium,
  { embeddings, deepstack }: FeatureRows,
): Promise<void> {
  const shape = [grid.t, (grid.h * grid.w) / config.mergeSize ** 2, config.outHiddenSize];
  const inputs = encoderInputs(config, { patches, grid });
  const outputs = {
    [VISION.embeddings]: new Tensor(embeddings, shape),
    ...Object.fromEntries(
      deepstack.map((rows, index) => [VISION.deepstack(index), new Tensor(rows, shape)]),
    ),
  };
  try {
    await session.run(inputs, outputs);
  } finally {
    for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) {
      tensor[Symbol.dispose]();
    }
  }
}

function encoderInputs(
  config: VisionEncoderConfig,
  { patches, grid }: PatchedMedium,
): Record<string, Tensor> {
  const { mergeSize, positionGrid, hiddenSize, heads } = config;
  const count = grid.h * grid.w;
  const places = interpolatePositions(grid, mergeSize, positionGrid);
  const rope = visionRotaryTable(grid, mergeSize, hiddenSize / heads / 2);
  const rows = BigInt64Array.from({ length: grid.t * count }, (_, index) => BigInt(index % count));
  return {
    [VISION.patches]: new Tensor(patches, [grid.t, count, patches.length / (grid.t * count)]),
    [VISION.positionIndices]: new Tensor(places.indices, [count, 4]),
    [VISION.positionWeights]: new Tensor(places.weights, [count, 4, 1]),
    [VISION.ropeRows]: new Tensor(rows, [grid.t, count]),
    [VISION.ropeCos]: new Tensor(rope.cos, [rope.rows, rope.pairs]),
    [VISION.ropeSin]: new Tensor(rope.sin, [rope.rows, rope.pairs]),
  };
}
