import { workerData } from "node:worker_threads";

import type { ChatRequest } from "@qwen3-vl/shared/chat";
import * as z from "zod";

import { toOutcome } from "../threads/outcome.ts";
import type { Outcome } from "../threads/outcome.ts";
import { ChatPrompter } from "./chat-prompt.ts";
import type { RequestPrompt } from "./chat-prompt.ts";
import { ChatTemplate } from "./chat-template.ts";
import type { PromptMedium } from "./prompt-media.ts";
import { Tokenizer } from "./tokenizer.ts";

/** What a thread needs to write prompts of one checkpoint. */
export const PrompterSource = z.object({
  tokenizerJson: z.string(),
  tokenizerConfigJson: z.string(),
  template: z.string(),
  layout: z.object({
    placeholders: z.object({ image: z.int(), video: z.int() }),
    mergeSize: z.int(),
  }),
});
export type PrompterSource = z.infer<typeof PrompterSource>;

/** One request with its media in the order of their parts; crosses the thread border as a plain value. */
export interface PromptTask {
  request: ChatRequest;
  media: readonly PromptMedium[];
}

const prompter = createPrompter(PrompterSource.parse(workerData));

/** Entry of a worker thread: what piscina calls for each task. */
export function runPromptTask({ request, media }: PromptTask): Promise<Outcome<RequestPrompt>> {
  return toOutcome(() => prompter.fromRequest(request, media));
}

function createPrompter(source: PrompterSource): ChatPrompter {
  const tokenizer = new Tokenizer(source.tokenizerJson, source.tokenizerConfigJson);
  return new ChatPrompter(tokenizer, new ChatTemplate(source.template, tokenizer), source.layout);
}
