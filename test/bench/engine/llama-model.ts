import { rm } from "node:fs/promises";

import { openLlama } from "./open-llama.ts";
import type { LlamaSequence } from "./open-llama.ts";
import { promptTokens, secondsOf } from "./subject-model.ts";
import type { SubjectModel } from "./subject-model.ts";
import type { TaskOf } from "./subject-task.ts";

/** llama.cpp, as its Node binding runs it. */
export class LlamaModel implements SubjectModel {
  readonly #sequences: readonly LlamaSequence[];
  readonly #stateFile: string;
  #context = 0;

  private constructor(sequences: readonly LlamaSequence[], stateFile: string) {
    this.#sequences = sequences;
    this.#stateFile = stateFile;
  }

  static async load(
    source: Extract<TaskOf<"load">["source"], { by: "llama.cpp" }>,
    sizes: TaskOf<"load">,
  ): Promise<LlamaModel> {
    const sequences = await openLlama(source, sizes);
    return new LlamaModel(sequences, `${source.gguf}.${process.pid}.state`);
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

  get #first(): LlamaSequence {
    const [first] = this.#sequences;
    if (first === undefined) {
      throw new Error("llama.cpp has no sequence");
    }
    return first;
  }
}
