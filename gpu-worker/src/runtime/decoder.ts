import type { ModelRow, RowVision } from "../engine/model.ts";
import { rotaryTable, textFrequencies } from "../model/rotary-table.ts";
import { DECODER } from "../model/text-decoder.ts";
import { EMBEDDER } from "../model/token-embeddings.ts";
import type { TextDecoderConfig } from "../weights/model-config.ts";
import { KvCache } from "./kv-cache.ts";
import type { Session } from "./session.ts";
import { Tensor } from "./tensor.ts";

export interface DecoderOptions {
  config: TextDecoderConfig;
  deepstackCount: number;
  embedder: Session;
  decoder: Session;
  slots: number;
  slotCapacity: number;
  /** Rows that a run needs so that each is computed as among others: see `FEWEST_ROWS`. */
  fewestRows: number;
}

/** Rows that run together: slots `first` … `first + rows − 1`, the same number of tokens in each. */
interface Batch {
  first: number;
  /** Undefined where a slot has nothing to run: it gets an empty row, whose result is not read. */
  rows: readonly (ModelRow | undefined)[];
  tokens: number;
}

/** The text decoder over its KV cache: one prefill chunk, or one token of several sequences, a run. */
export class Decoder {
  readonly #options: DecoderOptions;
  readonly #cache: KvCache;
  readonly #rope: Record<string, Tensor>;
  readonly #noVision: Tensor;

  constructor(options: DecoderOptions) {
    const { config, slots, slotCapacity, fewestRows } = options;
    this.#options = options;
    this.#cache = new KvCache(config, Math.max(slots, fewestRows), slotCapacity);
    const frequencies = textFrequencies(config.rope, config.headDim / 2);
    const { cos, sin, rows, pairs } = rotaryTable(frequencies, slotCapacity);
    this.#rope = {
      [DECODER.ropeCos]: new Tensor(cos, [rows, pairs]),
      [DECODER.ropeSin]: new Tensor(sin, [rows, pairs]),
    };
    this.#noVision = new Tensor(new Float32Array(config.hiddenSize), [1, 1, config.hiddenSize]);
  }

  /** A chunk of one sequence; the logits after its last token, [vocabulary]. */
  async prefill(row: ModelRow): Promise<Float32Array> {
    return this.#run(chunkBatch(row));
  }

  /** All logits of a prompt, [tokens, vocabulary]: for comparisons with the reference. */
  async prefillAllLogits(row: ModelRow): Promise<Float32Array> {
    return this.#run(chunkBatch(row), row.tokenIds.length);
  }

  /** One token of each row, in any slots; logits [vocabulary] of each. */
  async decode(rows: readonly ModelRow[]): Promise<readonly Float32Array[]> {
    const { vocabSize } = this.#options.config;
    const batch = decodeBatch(rows, this.#options.fewestRows, this.#cache.slots);
    const logits = await this.#keepingOthers(batch, () => this.#run(batch));
    return rows.map(({ slot }) => {
      const start = (slot - batch.first) * vocabSize;
      return logits.subarray(start, start + vocabSize);
    });
  }

  copyPrefix(from: number, to: number, tokens: number): void {
    this.#cache.copyPrefix(from, to, tokens);
  }

  clearSlot(slot: number): void {
    this.#cache.clear(slot);
  }

  /**
   * An empty row writes its key and value where its slot's first token is: so it attends to nothing else,
   * however much the slot holds, and what was there is put back (0.2 ms a row at 2B size).
   */
  async #keepingOthers<T>({ first, rows }: Batch, run: () => Promise<T>): Promise<T> {
    const empty = rows.flatMap((row, index) => (row === undefined ? [first + index] : []));
    const restores = empty.map((slot) => this.#cache.keepFirst(slot));
    try {
      return await run();
    } finally {
      for (const restore of restores) {
        restore();
      }
    }
  }

  /** @returns logits of the last `logitsPerRow` tokens of each row, [rows · logitsPerRow, vocabulary] */
  async #run(batch: Batch, logitsPerRow = 1): Promise<Float32Array> {
    const { config, decoder } = this.#options;
    const { rows, tokens, first } = batch;
    const kv = this.#cache.bind(first, rows.length);
    const logits = new Float32Array(rows.length * logitsPerRow * config.vocabSize);

    using embeddings = await this.#embed(batch);
    using positions = new Tensor(batchPositions(batch), [3, rows.length, tokens]);
    using lastPositions = new Tensor(batchLastPositions(batch), [rows.length]);
    using totalLength = new Tensor(Int32Array.of(Math.max(...cachedTokens(batch)) + tokens), []);
    using logitsIndex = new Tensor(batchLogitsIndex(batch, logitsPerRow), [
      rows.length,
      logitsPerRow,
      1,
    ]);
    using logitsTensor = new Tensor(logits, [rows.length * logitsPerRow, config.vocabSize]);
    using deepstack = this.#deepstack(batch);

    await decoder.run(
      {
        [DECODER.embeddings]: embeddings,
        [DECODER.positions]: positions,
        [DECODER.lastPositions]: lastPositions,
        [DECODER.totalLength]: totalLength,
        [DECODER.logitsIndex]: logitsIndex,
        ...this.#rope,
        ...deepstack.tensors,
        ...kv.inputs,
      },
      { [DECODER.logits]: logitsTensor, ...kv.outputs },
    );
    return logits;
  }

  /** Token embeddings [rows, tokens, hidden], with those of vision tokens in their places. */
  async #embed({ rows, tokens }: Batch): Promise<Tensor> {
    const { config, embedder } = this.#options;
    const ids = new BigInt64Array(rows.length * tokens);
    const data = new Float32Array(ids.length * config.hiddenSize);
    for (const [index, row] of rows.entries()) {
      ids.set(BigInt64Array.from(row?.tokenIds ?? [], BigInt), index * tokens);
    }
    using idTensor = new Tensor(ids, [ids.length]);
    using flat = new Tensor(data, [ids.length, config.hiddenSize]);
    await embedder.run({ [EMBEDDER.tokenIds]: idTensor }, { [EMBEDDER.embeddings]: flat });
    const vision = rows[0]?.vision;
    if (vision !== undefined) {
      scatterRows(data, vision.places, vision.features.embeddings, config.hiddenSize);
    }
    return new Tensor(data, [rows.length, tokens, config.hiddenSize]);
  }

  /** DeepStack inputs: features in the places of vision tokens and zeros elsewhere. */
  #deepstack({ rows, tokens }: Batch): Disposable & { tensors: Record<string, Tensor> } {
    const vision = rows[0]?.vision;
    const own: Tensor[] = [];
    const tensors: Record<string, Tensor> = {};
    for (let layer = 0; layer < this.#options.deepstackCount; layer++) {
      const tensor =
        vision === undefined ? this.#noVision : this.#deepstackTensor(vision, layer, tokens);
      if (tensor !== this.#noVision) {
        own.push(tensor);
      }
      tensors[DECODER.deepstack(layer)] = tensor;
    }
    return {
      tensors,
      [Symbol.dispose]: () => {
        for (const tensor of own) {
          tensor[Symbol.dispose]();
        }
      },
    };
  }

  #deepstackTensor({ places, features }: RowVision, layer: number, tokens: number): Tensor {
    const { hiddenSize } = this.#options.config;
    const data = new Float32Array(tokens * hiddenSize);
    scatterRows(data, places, features.deepstack[layer] ?? new Float32Array(), hiddenSize);
    return new Tensor(data, [1, tokens, hiddenSize]);
  }
}

function chunkBatch(row: ModelRow): Batch {
  return { first: row.slot, rows: [row], tokens: row.tokenIds.length };
}

/** Rows by slot, from the lowest to the highest, and as many neighbours as are needed. */
function decodeBatch(rows: readonly ModelRow[], fewestRows: number, slots: number): Batch {
  const bySlot = new Map(rows.map((row) => [row.slot, row]));
  const lowest = Math.min(...bySlot.keys());
  const count = Math.max(Math.max(...bySlot.keys()) - lowest + 1, fewestRows);
  const first = Math.min(lowest, slots - count);
  const batchRows = Array.from({ length: count }, (_, index) => bySlot.get(first + index));
  return { first, rows: batchRows, tokens: 1 };
}

/** Tokens that the slot of each row holds already. */
function cachedTokens({ rows }: Batch): number[] {
  return rows.map((row) => row?.cachedTokens ?? 0);
}

/** [3, rows, tokens] */
function batchPositions({ rows, tokens }: Batch): BigInt64Array<ArrayBuffer> {
  const positions = new BigInt64Array(3 * rows.length * tokens);
  for (const [index, row] of rows.entries()) {
    const source = BigInt64Array.from(row?.positions ?? [], BigInt);
    for (let axis = 0; axis < 3; axis++) {
      const target = (axis * rows.length + index) * tokens;
      positions.set(source.subarray(axis * tokens, (axis + 1) * tokens), target);
    }
  }
  return positions;
}

/** GroupQueryAttention's `seqlens_k`: the index of each row's last token. */
function batchLastPositions(batch: Batch): Int32Array<ArrayBuffer> {
  return Int32Array.from(cachedTokens(batch), (cached) => cached + batch.tokens - 1);
}

/** Which tokens of each row get logits, [rows, logitsPerRow, 1]: the last ones. */
function batchLogitsIndex(
  { rows, tokens }: Batch,
  logitsPerRow: number,
): BigInt64Array<ArrayBuffer> {
  return BigInt64Array.from({ length: rows.length * logitsPerRow }, (_, index) =>
    BigInt(tokens - logitsPerRow + (index % logitsPerRow)),
  );
}

/** Row i of `source` [n, width] becomes row `places[i]` of `target`. */
function scatterRows(
  target: Float32Array,
  places: Int32Array,
  source: Float32Array,
  width: number,
): void {
  for (const [index, place] of places.entries()) {
    target.set(source.subarray(index * width, (index + 1) * width), place * width);
  }
}
