import type { PatchedMedium, VisionFeatures } from "../engine/model.ts";
import { VISION } from "../model/vision-encoder.ts";
import { interpolatePositions, visionRotaryTable } from "../model/vision-positions.ts";
import type { VisionEncoderConfig } from "../weights/model-config.ts";
import type { Session } from "./session.ts";
import { Tensor } from "./tensor.ts";

/** Runs the vision encoder over one picture or clip; the frame pairs of a clip are one batch. */
export async function encodeMedium(
  session: Session,
  config: VisionEncoderConfig,
  { patches, grid }: PatchedMedium,
): Promise<VisionFeatures> {
  const { mergeSize, outHiddenSize } = config;
  const pairPatches = grid.h * grid.w;
  const pairTokens = pairPatches / mergeSize ** 2;
  const outputs = ["embeddings", ...config.deepstackLayers.keys()].map((output) => ({
    name: typeof output === "number" ? VISION.deepstack(output) : VISION.embeddings,
    data: new Float32Array(grid.t * pairTokens * outHiddenSize),
  }));
  const inputs = encoderInputs(config, { patches, grid });
  const outputTensors = Object.fromEntries(
    outputs.map(({ name, data }) => [name, new Tensor(data, [grid.t, pairTokens, outHiddenSize])]),
  );
  try {
    await session.run(inputs, outputTensors);
  } finally {
    for (const tensor of [...Object.values(inputs), ...Object.values(outputTensors)]) {
      tensor[Symbol.dispose]();
    }
  }
  const [embeddings = new Float32Array(), ...deepstack] = outputs.map(({ data }) => data);
  return { embeddings, deepstack };
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
