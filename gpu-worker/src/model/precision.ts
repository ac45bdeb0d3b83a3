/** How the weights of a model are stored: all in float32, or its matrices in 8 or 4 bits. */
export const PRECISIONS = ["fp32", "int8", "int4"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Bits of a quantised matrix's values. */
export const BITS = { int8: 8, int4: 4 } as const satisfies Partial<Record<Precision, number>>;

/**
 * A product's rows come in a multiple of this, so that a token's numbers do not depend on how many others
 * run with it: with int4's blocks of 64 ONNX Runtime takes two rows at a time, and adds up the one that is
 * left of an odd number in another order.
 */
export const ROW_MULTIPLE = { fp32: 1, int8: 1, int4: 2 } as const satisfies Record<
  Precision,
  number
>;

/** In float32 these need less than a gigabyte, and quantising costs small models the most. */
const SMALL_MODEL_PARAMETERS = 200_000_000;

export function defaultPrecision(parameters: number): Precision {
  return parameters < SMALL_MODEL_PARAMETERS ? "fp32" : "int4";
}

/** The vision encoder computes many rows at once, where 8 bits by row are twice as fast as 4 by block. */
export function visionPrecision(precision: Precision): Precision {
  return precision === "int4" ? "int8" : precision;
}
