import type { Model, ModelRow, PatchedMedium, VisionFeatures } from "../engine/model.ts";
import type { GraphFiles } from "../model/build-graphs.ts";
import { ROW_MULTIPLE } from "../model/precision.ts";
import type { Precision } from "../model/precision.ts";
import type { ModelConfig } from "../weights/model-config.ts";
import { Decoder } from "./decoder.ts";
import { useHugePages } from "./huge-pages.ts";
import { Session } from "./session.ts";
import { encodeMedium } from "./vision.ts";

export interface OnnxModelOptions {
  config: ModelConfig;
  graphs: GraphFiles;
  precision: Precision;
  threads: number;
  slots: number;
  slotCapacity: number;
  tokenBudget: number;
}

/** Qwen3-VL on ONNX Runtime. */
export class OnnxModel implements Model {
  readonly slots: number;
  readonly slotCapacity: number;
  readonly tokenBudget: number;
  readonly decoder: Decoder;
  readonly #config: ModelConfig;
  readonly #sessions: Record<keyof GraphFiles, Session>;
  readonly #closed = new AbortController();
  /** Resolves when the weights lie where they stay; the model runs all the while. */
  readonly settled: Promise<void>;
  /** Of the step under way; used again by the next. */
  readonly #rowLogits: (Float32Array | undefined)[] = [];
  readonly #decodeRows: (ModelRow | undefined)[] = [];

  constructor({ config, graphs, precision, threads, ...memory }: OnnxModelOptions) {
    const { slots, slotCapacity } = memory;
    this.slots = slots;
    this.slotCapacity = slotCapacity;
    this.tokenBudget = memory.tokenBudget;
    this.#config = config;
    this.#sessions = {
      vision: new Session(graphs.vision, { threads, spin: false }),
      embedder: new Session(graphs.embedder, { threads: 1, spin: false }),
      decoder: new Session(graphs.decoder, { threads, spin: true }),
    };
    this.settled = useHugePages(this.#closed.signal);
    this.decoder = new Decoder({
      config: config.text,
      deepstackCount: config.vision.deepstackLayers.length,
      embedder: this.#sessions.embedder,
      decoder: this.#sessions.decoder,
      slots,
      slotCapacity,
      rowMultiple: ROW_MULTIPLE[precision],
    });
  }

  encode(
    medium: PatchedMedium,
    signal?: AbortSignal,
    betweenRuns?: () => Promise<void>,
  ): Promise<VisionFeatures> {
    const options = { signal, betweenRuns };
    return encodeMedium(this.#sessions.vision, this.#config.vision, medium, options);
  }

  copyPrefix(from: number, to: number, tokens: number): void {
    this.decoder.copyPrefix(from, to, tokens);
  }

  clearSlot(slot: number): void {
    this.decoder.clearSlot(slot);
  }

  async forward(rows: readonly ModelRow[]): Promise<readonly (Float32Array | undefined)[]> {
    const logits = this.#rowLogits;
    logits.length = rows.length;
    logits.fill(undefined);
    const decoding = this.#decodeRows;
    decoding.length = 0;
    for (const [index, row] of rows.entries()) {
      decoding[index] = isDecodeRow(row) ? row : undefined;
    }
    if (decoding.some((row) => row !== undefined)) {
      await this.decoder.decode(decoding, logits);
    }
    for (const [index, row] of rows.entries()) {
      if (!isDecodeRow(row)) {
        logits[index] = await this.decoder.prefill(row);
      }
      logits[index] = row.wantsLogits ? logits[index] : undefined;
    }
    return logits;
  }

  /** Must not be called while a run is under way. */
  close(): void {
    this.#closed.abort();
    for (const session of Object.values(this.#sessions)) {
      session.close();
    }
  }
}

/** Single tokens of several sequences run as one batch; the runtime allows longer rows only alone. */
function isDecodeRow({ tokenIds, vision }: ModelRow): boolean {
  return tokenIds.length === 1 && vision === undefined;
}
