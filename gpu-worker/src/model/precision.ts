/** How the weights of a model are stored: all in float32, or its matrices in 8 or 4 bits. */
export const PRECISIONS = ["fp32", "int8", "int4"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Bits of a quantised matrix's values. */
export const BITS = { int8: 8, int4: 4 } as const satisfies Partial<Record<Precision, number>>;

/** In float32 these need less than a gigabyte, and quantising costs small models the most. */
const SMALL_MODEL_PARAMETERS = 200_000_000;

export function defaultPrecision(parameters: number): Precision {
  return parameters < SMALL_MODEL_PARAMETERS ? "fp32" : "int4";
}

/** The vision encoder computes many rows at once, where 8 bits by row are twice as fast as 4 by block. */
export function visionPrecision(precision: Precision): Precision {
  return precision === "int4" ? "int8" : precision;
}
