import { rm } from "node:fs/promises";

import { promptTokens, secondsOf } from "./subject-model.ts";
import type { SubjectModel } from "./subject-model.ts";
import type { TaskOf } from "./subject-task.ts";

/** As much of node-llama-cpp as is used here. */
interface LlamaModule {
  getLlama(options: {
    gpu: false;
    build: "never";
    skipDownload: true;
    logLevel: "error";
    maxThreads: number;
  }): Promise<{ loadModel(options: { modelPath: string }): Promise<LoadedModel> }>;
}

interface LoadedModel {
  createContext(options: {
    contextSize: number;
    sequences: number;
    batchSize: number;
    threads: number;
    flashAttention: boolean;
  }): Promise<{ getSequence(): Sequence }>;
}

interface Sequence {
  evaluate(tokens: number[], options: { temperature: 0 }): AsyncGenerator<number>;
  evaluateWithoutGeneratingNewTokens(tokens: number[]): Promise<void>;
  eraseContextTokenRanges(ranges: { start: number; end: number }[]): Promise<void>;
  clearHistory(): Promise<void>;
  saveStateToFile(path: string): Promise<unknown>;
  loadStateFromFile(path: string, risk: { acceptRisk: true }): Promise<void>;
}

/** llama.cpp's own default. */
const BATCH_SIZE = 512;

/** llama.cpp, as its Node binding runs it, with what makes it fastest here: flash attention. */
export class LlamaModel implements SubjectModel {
  readonly #sequences: readonly Sequence[];
  readonly #stateFile: string;
  #context = 0;

  private constructor(sequences: readonly Sequence[], stateFile: string) {
    this.#sequences = sequences;
    this.#stateFile = stateFile;
  }

  static async load(
    { module, gguf }: Extract<TaskOf<"load">["source"], { by: "llama.cpp" }>,
    { threads, sequences, capacity }: TaskOf<"load">,
  ): Promise<LlamaModel> {
    const library: LlamaModule = await import(module);
    const options = { gpu: false, build: "never", skipDownload: true, logLevel: "error" } as const;
    const llama = await library.getLlama({ ...options, maxThreads: threads });
    const model = await llama.loadModel({ modelPath: gguf });
    const context = await model.createContext({
      contextSize: capacity,
      sequences,
      batchSize: BATCH_SIZE,
      threads,
      flashAttention: true,
    });
    const all = Array.from({ length: sequences }, () => context.getSequence());
    return new LlamaModel(all, `${gguf}.${process.pid}.state`);
  }

  reach({ context }: TaskOf<"reach">): Promise<number> {
    return secondsOf(async () => {
      await this.#first.evaluateWithoutGeneratingNewTokens(
        promptTokens(this.#context, context - this.#context),
      );
      this.#context = context;
    });
  }

  async prefill({ context, tokens }: TaskOf<"prefill">): Promise<number> {
    const start = context - tokens;
    await this.#first.eraseContextTokenRanges([{ start, end: context }]);
    return secondsOf(() =>
      this.#first.evaluateWithoutGeneratingNewTokens(promptTokens(start, tokens)),
    );
  }

  async decode({ context, sequences, tokens }: TaskOf<"decode">): Promise<number> {
    const used = this.#sequences.slice(0, sequences);
    if (sequences > 1) {
      await this.#first.saveStateToFile(this.#stateFile);
      for (const other of used.slice(1)) {
        await other.loadStateFromFile(this.#stateFile, { acceptRisk: true });
      }
      await rm(this.#stateFile);
    }
    const answers = used.map((sequence) => sequence.evaluate([7], { temperature: 0 }));
    const step = () => Promise.all(answers.map((answer) => answer.next()));
    await step();
    const seconds = await secondsOf(async () => {
      for (let token = 0; token < tokens; token++) {
        await step();
      }
    });
    await Promise.all(answers.map((answer) => answer.return(undefined)));
    await this.#first.eraseContextTokenRanges([{ start: context, end: context + tokens + 2 }]);
    await Promise.all(used.slice(1).map((sequence) => sequence.clearHistory()));
    return seconds;
  }

  encode(): Promise<number> {
    return Promise.reject(new Error("this llama.cpp has text only"));
  }

  get #first(): Sequence {
    const [first] = this.#sequences;
    if (first === undefined) {
      throw new Error("llama.cpp has no sequence");
    }
    return first;
  }
}
