interface ElementTypeFacts {
  /** TensorProto.DataType */
  code: number;
  bytes: number;
}

/** Element types of a graph's tensors. */
export const ELEMENT_TYPES = {
  float32: { code: 1, bytes: 4 },
  uint8: { code: 2, bytes: 1 },
  int8: { code: 3, bytes: 1 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
} as const satisfies Record<string, ElementTypeFacts>;

export type ElementType = keyof typeof ELEMENT_TYPES;
