import type { PatchedMedium, VisionFeatures } from "../engine/model.ts";
import type { RotaryTable } from "../model/rotary-table.ts";
import { VISION } from "../model/vision-encoder.ts";
import { interpolatePositions, visionRotaryTable } from "../model/vision-positions.ts";
import type { InterpolatedPositions, PatchGrid } from "../model/vision-positions.ts";
import { pairsPerRun, stripTokens } from "../model/vision-strips.ts";
import type { VisionEncoderConfig } from "../weights/model-config.ts";
import type { Session } from "./session.ts";
import { Tensor } from "./tensor.ts";

export interface EncodeOptions {
  signal?: AbortSignal | undefined;
  /** Waited for between one run and the next. */
  betweenRuns?: (() => Promise<void>) | undefined;
  /** Tokens of a strip; another length changes memory and time but no result. */
  stripTokens?: number;
}

/**
 * Runs the vision encoder over one picture, in strips, or over a clip. Attention stays within a frame
 * pair, so a clip is encoded a few pairs at a time and needs no more memory than they do.
 */
export async function encodeMedium(
  session: Session,
  config: VisionEncoderConfig,
  { patches, grid }: PatchedMedium,
  options: EncodeOptions = {},
): Promise<VisionFeatures> {
  const pairPatches = grid.h * grid.w;
  const pairTokens = pairPatches / config.mergeSize ** 2;
  const pairLength = pairTokens * config.outHiddenSize;
  const rowLength = patches.length / (grid.t * pairPatches);
  const features = emptyFeatures(config, grid.t * pairLength);
  const places = patchPlaces(config, grid);
  const step = pairsPerRun(pairTokens, options.stripTokens);
  for (let pair = 0; pair < grid.t; pair += step) {
    if (pair > 0) {
      await options.betweenRuns?.();
    }
    const t = Math.min(step, grid.t - pair);
    const run = {
      patches: patches.subarray(
        pair * pairPatches * rowLength,
        (pair + t) * pairPatches * rowLength,
      ),
      grid: { ...grid, t },
    };
    const part = (rows: Float32Array<ArrayBuffer>) =>
      rows.subarray(pair * pairLength, (pair + t) * pairLength);
    const outputs = {
      embeddings: part(features.embeddings),
      deepstack: features.deepstack.map(part),
    };
    await runEncoder({ session, config, run, places, outputs }, options);
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

/** Where the patches of each frame pair are. */
interface PatchPlaces {
  positions: InterpolatedPositions;
  rope: RotaryTable;
}

function patchPlaces(
  { mergeSize, positionGrid, hiddenSize, heads }: VisionEncoderConfig,
  grid: PatchGrid,
): PatchPlaces {
  return {
    positions: interpolatePositions(grid, mergeSize, positionGrid),
    rope: visionRotaryTable(grid, mergeSize, hiddenSize / heads / 2),
  };
}

interface Run {
  session: Session;
  config: VisionEncoderConfig;
  run: PatchedMedium;
  places: PatchPlaces;
  outputs: FeatureRows;
}

async function runEncoder(
  { session, config, run, places, outputs: { embeddings, deepstack } }: Run,
  { signal, stripTokens: wanted }: EncodeOptions,
): Promise<void> {
  const { t, h, w } = run.grid;
  const tokens = (h * w) / config.mergeSize ** 2;
  const strip = stripTokens(tokens, wanted);
  const strips = tokens / strip;
  const shape = [strips, t, strip, config.outHiddenSize];
  const inputs = encoderInputs(config, run, places, strips);
  const outputs = {
    [VISION.embeddings]: new Tensor(embeddings, shape),
    ...Object.fromEntries(
      deepstack.map((rows, index) => [VISION.deepstack(index), new Tensor(rows, shape)]),
    ),
  };
  try {
    await session.run(inputs, outputs, {
      ...(signal === undefined ? {} : { signal }),
      givesBackMemory: strips > 1, // or the arena would keep a large picture's memory for good
    });
  } finally {
    for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) {
      tensor[Symbol.dispose]();
    }
  }
}

/** A clip's pairs of one run are the batch, and one strip; a picture is a batch of one. */
function encoderInputs(
  { hiddenSize }: VisionEncoderConfig,
  { patches, grid }: PatchedMedium,
  { positions, rope }: PatchPlaces,
  strips: number,
): Record<string, Tensor> {
  const { t, h, w } = grid;
  const count = h * w;
  const strip = count / strips;
  const rows = BigInt64Array.from({ length: t * count }, (_, index) => BigInt(index % count));
  const pairShape = BigInt64Array.from([t, count, hiddenSize], BigInt);
  return {
    [VISION.patches]: new Tensor(patches, [strips, t, strip, patches.length / (t * count)]),
    [VISION.positionIndices]: new Tensor(positions.indices, [strips, strip, 4]),
    [VISION.positionWeights]: new Tensor(positions.weights, [strips, strip, 4, 1]),
    [VISION.ropeRows]: new Tensor(rows, [strips, t, strip]),
    [VISION.ropeCos]: new Tensor(rope.cos, [rope.rows, rope.pairs]),
    [VISION.ropeSin]: new Tensor(rope.sin, [rope.rows, rope.pairs]),
    [VISION.pairShape]: new Tensor(pairShape, [pairShape.length]),
  };
}
