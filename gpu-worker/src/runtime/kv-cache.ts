import { DECODER } from "../model/text-decoder.ts";
import type { TextDecoderConfig } from "../weights/model-config.ts";
import { releasePages } from "./release-pages.ts";
import { Tensor } from "./tensor.ts";

/** Past and present of every layer, bound to the same memory: a run appends in place. */
export interface KvBinding {
  inputs: Record<string, Tensor>;
  outputs: Record<string, Tensor>;
}

/** Key or value of a slot's first token in one head of one layer, [headDim]. */
interface FirstToken {
  place: Float32Array;
  kept: Float32Array;
}

/**
 * Keys and values of all slots, for each layer [slots, kvHeads, capacity, headDim] in float32. The
 * memory is reserved at once and taken from the system only as positions are written.
 */
export class KvCache {
  readonly slots: number;
  readonly #shape: readonly [kvHeads: number, capacity: number, headDim: number];
  readonly #slotLength: number;
  readonly #layers: readonly {
    keys: Float32Array<ArrayBuffer>;
    values: Float32Array<ArrayBuffer>;
  }[];
  readonly #bindings = new Map<string, KvBinding>();
  /** By slot; made once for each. */
  readonly #firstTokens: FirstToken[][] = [];

  constructor(config: TextDecoderConfig, slots: number, capacity: number) {
    this.slots = slots;
    this.#shape = [config.kvHeads, capacity, config.headDim];
    this.#slotLength = config.kvHeads * capacity * config.headDim;
    const length = slots * this.#slotLength;
    this.#layers = Array.from({ length: config.layers }, () => ({
      keys: new Float32Array(length),
      values: new Float32Array(length),
    }));
  }

  /** `count` neighbouring slots from `first` on, as a batch. */
  bind(first: number, count: number): KvBinding {
    const key = `${first}+${count}`;
    const binding = this.#bindings.get(key) ?? this.#createBinding(first, count);
    this.#bindings.set(key, binding);
    return binding;
  }

  /** Copies the first tokens of a slot to another. */
  copyPrefix(from: number, to: number, tokens: number): void {
    const [heads, capacity, headDim] = this.#shape;
    for (const data of this.#all()) {
      for (let head = 0; head < heads; head++) {
        const source = from * this.#slotLength + head * capacity * headDim;
        const target = to * this.#slotLength + head * capacity * headDim;
        data.copyWithin(target, source, source + tokens * headDim);
      }
    }
  }

  /** Remembers the first token of a slot, which a run is about to overwrite. */
  keepFirst(slot: number): void {
    for (const { place, kept } of (this.#firstTokens[slot] ??= this.#firstTokenOf(slot))) {
      kept.set(place);
    }
  }

  /** Puts back what `keepFirst` remembered. */
  restoreFirst(slot: number): void {
    for (const { place, kept } of this.#firstTokens[slot] ?? []) {
      place.set(kept);
    }
  }

  /** Gives the memory of a slot back to the system. */
  clear(slot: number): void {
    for (const data of this.#all()) {
      releasePages(data.subarray(slot * this.#slotLength, (slot + 1) * this.#slotLength));
    }
  }

  #all(): Float32Array<ArrayBuffer>[] {
    return this.#layers.flatMap(({ keys, values }) => [keys, values]);
  }

  #firstTokenOf(slot: number): FirstToken[] {
    const [heads, capacity, headDim] = this.#shape;
    return this.#all().flatMap((data) =>
      Array.from({ length: heads }, (_, head) => {
        const start = slot * this.#slotLength + head * capacity * headDim;
        const place = data.subarray(start, start + headDim);
        return { place, kept: new Float32Array(headDim) };
      }),
    );
  }

  #createBinding(first: number, count: number): KvBinding {
    const binding: KvBinding = { inputs: {}, outputs: {} };
    const view = (data: Float32Array<ArrayBuffer>) =>
      new Tensor(data.subarray(first * this.#slotLength, (first + count) * this.#slotLength), [
        count,
        ...this.#shape,
      ]);
    for (const [layer, { keys, values }] of this.#layers.entries()) {
      const key = view(keys);
      const value = view(values);
      binding.inputs[DECODER.pastKey(layer)] = key;
      binding.inputs[DECODER.pastValue(layer)] = value;
      binding.outputs[DECODER.presentKey(layer)] = key;
      binding.outputs[DECODER.presentValue(layer)] = value;
    }
    return binding;
  }
}
