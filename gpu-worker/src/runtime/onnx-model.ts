import type { Model, ModelRow, PatchedMedium, VisionFeatures } from "../engine/model.ts";
import type { GraphFiles } from "../model/build-graphs.ts";
import { FEWEST_ROWS } from "../model/precision.ts";
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
      fewestRows: FEWEST_ROWS[precision],
    });
  }

  encode(medium: PatchedMedium): Promise<VisionFeatures> {
    return encodeMedium(this.#sessions.vision, this.#config.vision, medium);
  }

  copyPrefix(from: number, to: number, tokens: number): void {
    this.decoder.copyPrefix(from, to, tokens);
  }

  clearSlot(slot: number): void {
    this.decoder.clearSlot(slot);
  }

  async forward(rows: readonly ModelRow[]): Promise<readonly (Float32Array | undefined)[]> {
    const logits = new Map<ModelRow, Float32Array>();
    const decoding = rows.filter(isDecodeRow);
    for (const [index, rowLogits] of (decoding.length > 0
      ? await this.decoder.decode(decoding)
      : []
    ).entries()) {
      const row = decoding[index];
      if (row !== undefined) {
        logits.set(row, rowLogits);
      }
    }
    for (const row of rows.filter((candidate) => !isDecodeRow(candidate))) {
      logits.set(row, await this.decoder.prefill(row));
    }
    return rows.map((row) => (row.wantsLogits ? logits.get(row) : undefined));
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
