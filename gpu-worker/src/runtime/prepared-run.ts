import koffi from "koffi";

import type { Tensor } from "./tensor.ts";

/**
 * Names and tensors of a run as arrays of the C API, made once for runs that repeat. koffi would
 * write every name and address anew in each: at 28 layers 228 of them.
 */
export class PreparedRun {
  readonly inputs: NamedTensors;
  readonly outputs: NamedTensors;

  constructor(inputs: Record<string, Tensor>, outputs: Record<string, Tensor>) {
    this.inputs = new NamedTensors(inputs);
    this.outputs = new NamedTensors(outputs);
  }
}

class NamedTensors {
  readonly count: number;
  /** `const char *[count]` */
  readonly names: BigUint64Array<ArrayBuffer>;
  /** `OrtValue *[count]` */
  readonly handles: BigUint64Array<ArrayBuffer>;
  /** What the pointers in `names` point into; kept for that, like the tensors. */
  readonly text: Uint8Array;
  readonly tensors: Record<string, Tensor>;

  constructor(tensors: Record<string, Tensor>) {
    this.tensors = tensors;
    const names = Object.keys(tensors);
    this.count = names.length;
    // Longer than what V8 would keep, and move, on its own heap.
    this.text = new Uint8Array(new ArrayBuffer(MIN_BYTES + Buffer.byteLength(names.join("0"))));
    this.names = new BigUint64Array(new ArrayBuffer(Math.max(MIN_BYTES, this.count * 8)));
    this.handles = new BigUint64Array(new ArrayBuffer(Math.max(MIN_BYTES, this.count * 8)));
    const start = koffi.address(this.text);
    let next = 0;
    for (const [index, [name, { handle }]] of Object.entries(tensors).entries()) {
      this.names[index] = start + BigInt(next);
      this.handles[index] = handle;
      next += new TextEncoder().encodeInto(name, this.text.subarray(next)).written + 1; // and its NUL
    }
  }
}

const MIN_BYTES = 128;
