import type { ModelRow } from "../engine/model.ts";
import { DECODER } from "../model/text-decoder.ts";
import { EMBEDDER } from "../model/token-embeddings.ts";
import type { TextDecoderConfig } from "../weights/model-config.ts";
import type { KvBinding } from "./kv-cache.ts";
import { PreparedRun } from "./prepared-run.ts";
import { Tensor } from "./tensor.ts";

export interface DecodeBatchOptions {
  config: TextDecoderConfig;
  /** Slots `first` … `first + count − 1`. */
  first: number;
  count: number;
  /** Inputs that never change. */
  shared: Record<string, Tensor>;
  kv: KvBinding;
  /** At least [count, vocabulary]; batches may share it. */
  logits: Float32Array<ArrayBuffer>;
}

/**
 * One token in each of some neighbouring slots: tensors that live as long as the decoder and are filled
 * anew for each step, so that a token allocates nothing.
 *
 * A slot that does not decode gets an empty row: its result is not read, and it attends to nothing but
 * itself, however much the slot holds. So its key and value land where the slot's first token is, which
 * the caller keeps.
 */
export class DecodeBatch {
  readonly embedding: PreparedRun;
  readonly decoding: PreparedRun;
  /** Slots that get an empty row in the step that was filled in last. */
  readonly emptySlots: number[] = [];
  readonly #first: number;
  readonly #ids: BigInt64Array<ArrayBuffer>;
  /** [3, count, 1] */
  readonly #positions: BigInt64Array<ArrayBuffer>;
  /** GroupQueryAttention's `seqlens_k`: the index of each row's last token. */
  readonly #lastPositions: Int32Array<ArrayBuffer>;
  /** 1 for each row that is empty. */
  readonly #isEmpty: Uint8Array;
  readonly #totalLength = new Int32Array(1);
  /** [vocabulary] of each slot. */
  readonly #logits: readonly Float32Array[];

  constructor({ config, first, count, shared, kv, logits }: DecodeBatchOptions) {
    const { hiddenSize, vocabSize } = config;
    this.#first = first;
    this.#ids = new BigInt64Array(count);
    this.#positions = new BigInt64Array(3 * count);
    this.#lastPositions = new Int32Array(count);
    this.#isEmpty = new Uint8Array(count);
    this.#logits = Array.from({ length: count }, (_, index) =>
      logits.subarray(index * vocabSize, (index + 1) * vocabSize),
    );
    const embeddings = new Float32Array(count * hiddenSize);
    this.embedding = new PreparedRun(
      { [EMBEDDER.tokenIds]: new Tensor(this.#ids, [count]) },
      { [EMBEDDER.embeddings]: new Tensor(embeddings, [count, hiddenSize]) },
    );
    this.decoding = new PreparedRun(
      {
        [DECODER.embeddings]: new Tensor(embeddings, [count, 1, hiddenSize]),
        [DECODER.positions]: new Tensor(this.#positions, [3, count, 1]),
        [DECODER.lastPositions]: new Tensor(this.#lastPositions, [count]),
        [DECODER.totalLength]: new Tensor(this.#totalLength, []),
        [DECODER.logitsIndex]: new Tensor(new BigInt64Array(count), [count, 1, 1]),
        ...shared,
        ...kv.inputs,
      },
      {
        [DECODER.logits]: new Tensor(logits.subarray(0, count * vocabSize), [count, vocabSize]),
        ...kv.outputs,
      },
    );
  }

  fill(rows: readonly (ModelRow | undefined)[]): void {
    const count = this.#ids.length;
    this.#ids.fill(0n);
    this.#positions.fill(0n);
    this.#lastPositions.fill(0);
    this.#isEmpty.fill(1);
    for (const row of rows) {
      if (row === undefined) {
        continue;
      }
      const index = row.slot - this.#first;
      this.#isEmpty[index] = 0;
      this.#ids[index] = BigInt(row.tokenIds[0] ?? 0);
      this.#lastPositions[index] = row.cachedTokens;
      for (let axis = 0; axis < 3; axis++) {
        this.#positions[axis * count + index] = BigInt(row.positions[axis] ?? 0);
      }
    }
    this.#totalLength[0] = Math.max(...this.#lastPositions) + 1;
    this.#listEmptySlots();
  }

  #listEmptySlots(): void {
    this.emptySlots.length = 0;
    for (const [index, isEmpty] of this.#isEmpty.entries()) {
      if (isEmpty === 1) {
        this.emptySlots.push(this.#first + index);
      }
    }
  }

  /** Valid until the next run. */
  logitsOf(slot: number): Float32Array | undefined {
    return this.#logits[slot - this.#first];
  }
}
