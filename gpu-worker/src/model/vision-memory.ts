import type { VisionEncoderConfig } from "../weights/model-config.ts";
import type { EncoderRun } from "./vision-strips.ts";

const FLOAT32_BYTES = 4;
const CHANNELS = 3;

/** Of all patches: hidden states before and after a layer, queries, keys and values, and the last two by heads. */
const WHOLE_STATES = 7;

/** Of a strip at any moment at most, in hidden states and in inner states of the MLP, at any precision. */
const STRIP_STATES = 6;
const STRIP_INNER_STATES = 5;

/** Bytes that a run of the vision encoder takes at most beside weights, patches and features. */
export function encoderBytes(
  { hiddenSize, heads, intermediateSize }: VisionEncoderConfig,
  { patches, stripPatches }: EncoderRun,
): number {
  const whole = WHOLE_STATES * hiddenSize + hiddenSize / heads; // and the rotary table
  const strip = STRIP_STATES * hiddenSize + STRIP_INNER_STATES * intermediateSize;
  return FLOAT32_BYTES * (patches * whole + stripPatches * strip);
}

/** Bytes of normalised pixels of so many patches. */
export function patchBytes(
  { temporalPatchSize, patchSize }: VisionEncoderConfig,
  patches: number,
): number {
  return FLOAT32_BYTES * patches * CHANNELS * temporalPatchSize * patchSize ** 2;
}

/** Bytes of features of so many vision tokens, DeepStack's included. */
export function featureBytes(
  { outHiddenSize, deepstackLayers }: VisionEncoderConfig,
  tokens: number,
): number {
  return FLOAT32_BYTES * tokens * outHiddenSize * (1 + deepstackLayers.length);
}
