import { SLICE_STEP } from "../weights/tensor-index.ts";
import type { TensorSlice } from "../weights/tensor-index.ts";
import { ELEMENT_TYPES } from "./element-type.ts";
import { storedTensors } from "./graph-weight.ts";
import type { GraphWeight, StoredTensor, WeightSource } from "./graph-weight.ts";

/** ONNX Runtime maps external data into memory only where it starts at a page. */
const ALIGNMENT = 4096;

/** Where a tensor of the weight file lies in it. */
export interface PlacedTensor extends StoredTensor {
  offset: number;
  length: number;
}

export interface PlacedWeight {
  weight: GraphWeight;
  stored: readonly PlacedTensor[];
}

/** Gives every tensor that the weights are stored as its place in one file. */
export function placeWeights(weights: readonly GraphWeight[]): PlacedWeight[] {
  let end = 0;
  const place = (tensor: StoredTensor): PlacedTensor => {
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    const length = elementsOf(tensor.shape) * ELEMENT_TYPES[tensor.type].bytes;
    end = offset + length;
    return { ...tensor, offset, length };
  };
  return weights.map((weight) => ({ weight, stored: storedTensors(weight).map(place) }));
}

/**
 * Values that are read, encoded and written at once: a thread holds them in several forms, about
 * 100 MB together.
 */
const MAX_SLICE_VALUES = 2 ** 23;

/** Cuts a tensor along its first side into slices that fit into memory. */
export function slicesOf({ shape }: WeightSource): TensorSlice[] {
  const [length = 1, ...sides] = shape;
  const fitting = Math.floor(MAX_SLICE_VALUES / elementsOf(sides));
  const step =
    sides.length > 1
      ? Math.max(1, fitting) // whole experts, or kernels
      : Math.max(1, Math.floor(fitting / SLICE_STEP)) * SLICE_STEP;
  return Array.from({ length: Math.ceil(length / step) }, (_, index) => ({
    first: index * step,
    count: Math.min(step, length - index * step),
  }));
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
