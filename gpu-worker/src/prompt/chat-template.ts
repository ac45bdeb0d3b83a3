import { Template } from "@huggingface/jinja";
import { ApiError } from "@qwen3-vl/shared/errors";

import type { Conversation } from "./conversation.ts";

export interface TemplateTokens {
  bosToken: string | undefined;
  eosToken: string | undefined;
}

/** A checkpoint's chat template, compiled once. */
export class ChatTemplate {
  readonly source: string;
  readonly #template: Template;
  readonly #tokens: TemplateTokens;

  constructor(source: string, tokens: TemplateTokens) {
    this.source = source;
    this.#tokens = tokens;
    try {
      this.#template = new Template(source);
    } catch (cause) {
      throw new Error("the checkpoint's chat template does not compile", { cause });
    }
  }

  /**
   * The prompt's text up to where the model's answer begins.
   *
   * @throws ApiError `invalid_request` when the template refuses the conversation; what it said is
   * the error's cause, not its message.
   */
  render({ messages, tools, addVisionId = false, enableThinking }: Conversation): string {
    try {
      return this.#template.render({
        messages,
        tools: tools === undefined || tools.length === 0 ? null : tools,
        documents: null,
        add_generation_prompt: true,
        add_vision_id: addVisionId,
        ...(enableThinking === undefined ? {} : { enable_thinking: enableThinking }),
        bos_token: this.#tokens.bosToken,
        eos_token: this.#tokens.eosToken,
      });
    } catch (cause) {
      throw new ApiError(
        "invalid_request",
        "messages: this model's chat template does not accept the conversation; check the order of the roles and what each message holds.",
        { param: "messages", cause },
      );
    }
  }
}
