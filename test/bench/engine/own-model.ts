import { openCheckpoint } from "../../../gpu-worker/src/checkpoint.ts";
import { PREFILL_CHUNK } from "../../../gpu-worker/src/engine/generator.ts";
import { loadModel } from "../../../gpu-worker/src/load-model.ts";
import type { OnnxModel } from "../../../gpu-worker/src/runtime/onnx-model.ts";
import { textRow } from "../../support/dense-model.ts";
import { promptTokens, secondsOf } from "./subject-model.ts";
import type { SubjectModel } from "./subject-model.ts";
import type { TaskOf } from "./subject-task.ts";

/** Length of a patch of every published Qwen3-VL. */
const PATCH_LENGTH = 1536;

/** Our model, run as the engine runs it: prompts in chunks, and one token of all sequences together. */
export class OwnModel implements SubjectModel {
  readonly #model: OnnxModel;
  #context = 0;

  private constructor(model: OnnxModel) {
    this.#model = model;
  }

  static async load(
    source: Extract<TaskOf<"load">["source"], { by: "us" }>,
    { threads, sequences, capacity }: TaskOf<"load">,
  ): Promise<OwnModel> {
    const { cacheFolder, precision } = source;
    const memory = { tokenBudget: sequences * capacity, slotCapacity: capacity };
    const options = { cacheFolder, precision, threads, slots: sequences, memory };
    const model = await loadModel(await openCheckpoint(source.checkpoint), options);
    return new OwnModel(model);
  }

  async reach({ context }: TaskOf<"reach">): Promise<number> {
    await this.#model.settled;
    return secondsOf(async () => {
      for (; this.#context < context; this.#context += PREFILL_CHUNK) {
        await this.#run(this.#context, Math.min(PREFILL_CHUNK, context - this.#context));
      }
      this.#context = context;
    });
  }

  prefill({ context, tokens }: TaskOf<"prefill">): Promise<number> {
    return secondsOf(() => this.#run(context - tokens, tokens));
  }

  async decode({ context, sequences, tokens }: TaskOf<"decode">): Promise<number> {
    const slots = Array.from({ length: sequences }, (_, slot) => slot);
    for (const slot of slots.slice(1)) {
      this.#model.copyPrefix(0, slot, context);
    }
    const step = (place: number) =>
      this.#model.forward(slots.map((slot) => textRow(slot, context + place, [7])));
    await step(0); // takes the memory behind the context
    const seconds = await secondsOf(async () => {
      for (let token = 1; token <= tokens; token++) {
        await step(token);
      }
    });
    for (const slot of slots.slice(1)) {
      this.#model.clearSlot(slot);
    }
    return seconds;
  }

  encode({ side }: TaskOf<"encode">): Promise<number> {
    const patches = Float32Array.from({ length: side * side * PATCH_LENGTH }, (_, i) =>
      Math.sin(i),
    );
    return secondsOf(() => this.#model.encode({ patches, grid: { t: 1, h: side, w: side } }));
  }

  #run(first: number, count: number): Promise<unknown> {
    return this.#model.forward([textRow(0, first, promptTokens(first, count))]);
  }
}
