import type { ChatRequest } from "@qwen3-vl/shared/chat";

import type { TokenConstraint } from "../engine/logits-rule.ts";
import type { ChatPrompt } from "../prompt/chat-prompt.ts";
import { endsInThought, THOUGHT } from "../prompt/open-thought.ts";
import type { Tokenizer } from "../prompt/tokenizer.ts";
import { AfterToken } from "./after-token.ts";
import { toFieldError } from "./grammar-source.ts";
import type { OutputGrammar } from "./grammar-source.ts";
import type { Grammars } from "./grammars.ts";
import { outputGrammar } from "./output-grammar.ts";

export interface FormContext {
  grammars: Grammars;
  tokenizer: Tokenizer;
}

/** The form that a request's answers must have, known to compile. */
export class AnswerForm {
  readonly #grammar: OutputGrammar | undefined;
  readonly #context: FormContext;

  private constructor(grammar: OutputGrammar | undefined, context: FormContext) {
    this.#grammar = grammar;
    this.#context = context;
  }

  /** @throws ApiError that names the field at fault */
  static async of(request: ChatRequest, context: FormContext): Promise<AnswerForm> {
    const grammar = outputGrammar(request);
    if (grammar !== undefined) {
      await context.grammars.check(grammar.source).catch((error: unknown) => {
        throw toFieldError(grammar.param, error);
      });
    }
    return new AnswerForm(grammar, context);
  }

  /** For one answer to this prompt; where the prompt opens a thought, the form begins behind it. */
  constraint(prompt: Pick<ChatPrompt, "text">): TokenConstraint | undefined {
    if (this.#grammar === undefined) {
      return undefined;
    }
    const { grammars, tokenizer } = this.#context;
    const constraint = grammars.constraint(this.#grammar.source);
    const closes = endsInThought(prompt) ? tokenizer.idOf(THOUGHT.close) : undefined;
    return closes === undefined ? constraint : new AfterToken(closes, constraint);
  }
}
