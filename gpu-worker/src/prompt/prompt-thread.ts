import { fileURLToPath } from "node:url";

import type { ChatRequest } from "@qwen3-vl/shared/chat";
import { Piscina } from "piscina";

import { fromOutcome } from "../threads/outcome.ts";
import type { Outcome } from "../threads/outcome.ts";
import type { RequestPrompt } from "./chat-prompt.ts";
import type { PromptMedium } from "./prompt-media.ts";
import type { PrompterSource, PromptTask } from "./prompt-worker.ts";

/** Writes prompts in a thread: tokenising a long document takes longer than a step of the model may wait. */
export class PromptThread {
  readonly #pool: Piscina<PromptTask, Outcome<RequestPrompt>>;

  constructor(source: PrompterSource) {
    this.#pool = new Piscina({
      filename: fileURLToPath(new URL("./prompt-worker.ts", import.meta.url)),
      name: "runPromptTask",
      minThreads: 1,
      maxThreads: 1,
      workerData: source,
    });
    this.#pool.on("error", () => undefined); // a task's failure rejects its promise; unheard, others end the process
  }

  /** @throws ApiError `invalid_request` when the chat template refuses the conversation */
  async write(request: ChatRequest, media: readonly PromptMedium[]): Promise<RequestPrompt> {
    return fromOutcome(await this.#pool.run({ request, media }));
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
