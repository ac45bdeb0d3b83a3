import type { VisionFeatures } from "./model.ts";

/** Bytes of features, DeepStack included. */
function bytesOf({ embeddings, deepstack }: VisionFeatures): number {
  return deepstack.reduce((sum, layer) => sum + layer.byteLength, embeddings.byteLength);
}

/** Features of pictures and clips by what they are, the least recently used given up first. */
export class FeatureCache<Entry extends { features: VisionFeatures }> {
  readonly #maxBytes: number;
  /** In the order of use, the oldest first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, entry);
    }
    return entry;
  }

  /** An entry larger than the whole cache is not kept. */
  set(key: string, entry: Entry): void {
    this.#delete(key);
    const size = bytesOf(entry.features);
    if (size > this.#maxBytes) {
      return;
    }
    this.#entries.set(key, entry);
    this.#bytes += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) {
        break;
      }
      this.#delete(oldest);
    }
  }

  #delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#entries.delete(key);
      this.#bytes -= bytesOf(entry.features);
    }
  }
}
