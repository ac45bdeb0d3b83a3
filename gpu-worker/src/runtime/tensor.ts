import { create, loadOrtApi } from "./ort-api.ts";
import type { Handle } from "./ort-api.ts";

type Data = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>;

/** ONNXTensorElementDataType */
function elementType(data: Data): number {
  if (data instanceof Float32Array) {
    return 1;
  }
  return data instanceof Int32Array ? 6 : 7;
}

/** A typed array that ONNX Runtime reads and writes in place. */
export class Tensor {
  readonly handle: Handle;
  /** Kept so that the memory lives as long as the handle. */
  readonly data: Data;

  constructor(data: Data, shape: readonly number[]) {
    const { functions, cpuMemory } = loadOrtApi();
    const elements = shape.reduce((product, side) => product * side, 1);
    if (elements !== data.length) {
      throw new RangeError(
        `shape [${shape.join(", ")}] needs ${elements} values, got ${data.length}`,
      );
    }
    this.data = data;
    this.handle = create(
      functions,
      functions.createTensorWithDataAsOrtValue,
      cpuMemory,
      data,
      data.byteLength,
      BigInt64Array.from(shape, BigInt),
      shape.length,
      elementType(data),
    );
  }

  [Symbol.dispose](): void {
    loadOrtApi().functions.releaseValue(this.handle);
  }
}
