import { availableParallelism } from "node:os";

import type { TextDecoderConfig } from "../../../gpu-worker/src/weights/model-config.ts";
import { randomGguf } from "../checkpoints/random-gguf.ts";
import { installLlamaCpp } from "../engine/llama-cpp.ts";
import { openLlama } from "../engine/open-llama.ts";
import type { LlamaSequence } from "../engine/open-llama.ts";
import { promptTokens } from "../engine/subject-model.ts";
import { timesOf } from "./timed-stream.ts";
import type { TimedStream } from "./timed-stream.ts";

/** That run at once; whoever comes later waits for one. */
const SEQUENCES = 8;

/** As many as our questions without a picture have. */
const PROMPT_TOKENS = 24;

/** llama.cpp at a model's sides, without HTTP, without pictures: its binding for Node has neither. */
export class LlamaClients {
  readonly #free: LlamaSequence[];
  readonly #waiting: ((sequence: LlamaSequence) => void)[] = [];
  #asked = 0;

  private constructor(sequences: readonly LlamaSequence[]) {
    this.#free = [...sequences];
  }

  static async open(name: string, text: TextDecoderConfig, maxTokens: number) {
    const source = { module: await installLlamaCpp(), gguf: await randomGguf(name, text) };
    const sizes = {
      threads: availableParallelism(),
      sequences: SEQUENCES,
      capacity: PROMPT_TOKENS + maxTokens,
    };
    return new LlamaClients(await openLlama(source, sizes));
  }

  async ask(maxTokens: number): Promise<TimedStream> {
    const begun = performance.now();
    const sequence = this.#free.pop() ?? (await this.#nextFree());
    const prompt = promptTokens(this.#asked++ * PROMPT_TOKENS, PROMPT_TOKENS);
    const times: number[] = [];
    for await (const _ of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
      times.push(performance.now());
      if (times.length === maxTokens) {
        break;
      }
    }
    await sequence.clearHistory();
    this.#release(sequence);
    return timesOf(begun, times, times.length);
  }

  #nextFree(): Promise<LlamaSequence> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #release(sequence: LlamaSequence): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#free.push(sequence);
    } else {
      next(sequence);
    }
  }
}
