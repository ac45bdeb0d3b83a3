import type { FinishReason } from "@qwen3-vl/shared/chat-completion";

import { AnswerText } from "./answer-text.ts";
import type { AnswerTextOptions, ToldText } from "./answer-text.ts";
import type { TokenConstraint } from "./logits-rule.ts";
import type { Sampler } from "./sampler.ts";

/** What became known of an answer since the event before. */
export interface AnswerEvent extends ToldText {
  /** Tokens generated so far, those without text included. */
  completionTokens: number;
  /** Those of them within the thought. */
  reasoningTokens: number;
  /** Tokens of the prompt that were in the KV cache before. */
  cachedTokens: number;
  finishReason: FinishReason | undefined;
}

export interface AnswerOptions extends AnswerTextOptions {
  sampler: Sampler;
  /** One of the sampler's rules, told of each token and waited for. */
  constraint?: TokenConstraint | undefined;
  endTokenIds: ReadonlySet<number>;
  /** Tokens after which the answer is cut. */
  maxTokens: number;
}

/**
 * From logits to the events of one answer. The engine pushes, one reader pulls: tokens that a slow
 * reader did not fetch yet become one event, so what waits is bounded by the answer's text.
 */
export class Answer implements AsyncIterable<AnswerEvent> {
  readonly #options: AnswerOptions;
  readonly #text: AnswerText;
  #cachedTokens: number | undefined;
  #completionTokens = 0;
  #reportedTokens = 0;
  #finishReason: FinishReason | undefined;
  #failure: Error | undefined;
  #isCancelled = false;
  #wake: (() => void) | undefined;
  readonly #begun = Promise.withResolvers<void>();

  constructor(options: AnswerOptions) {
    this.#options = options;
    this.#text = new AnswerText(options);
  }

  get completionTokens(): number {
    return this.#completionTokens;
  }

  /** Resolves with the first token, when the whole prompt is in the KV cache, or when there will be none. */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  get hasBegun(): boolean {
    return this.#cachedTokens !== undefined;
  }

  /** Whether the next token may be sampled. */
  get isReady(): boolean {
    return this.#options.constraint?.isReady ?? true;
  }

  /** Resolves, and never rejects, when it may. */
  async ready(): Promise<void> {
    await this.#options.constraint?.ready();
  }

  /** The sequence runs from now on; so many tokens of its prompt need not. */
  begin(cachedTokens: number): void {
    this.#cachedTokens = cachedTokens;
  }

  /** Samples the next token and returns its id and whether the answer ends with it; the reader is not told yet. */
  push(logits: Float32Array): { tokenId: number; finished: boolean } {
    const { sampler, constraint, endTokenIds, maxTokens } = this.#options;
    const tokenId = sampler.sample(logits);
    constraint?.accept(tokenId);
    this.#completionTokens++;
    if (endTokenIds.has(tokenId)) {
      this.#text.pushEnd(tokenId, sampler.logprobs);
      this.#finishReason = "stop";
    } else if (this.#text.push(tokenId, sampler.logprobs)) {
      this.#finishReason = "stop";
    } else if (this.#completionTokens >= maxTokens) {
      this.#finishReason = this.#text.finish() ? "stop" : "length";
    }
    return { tokenId, finished: this.#finishReason !== undefined };
  }

  /** The reader learns of the tokens pushed so far. */
  tell(): void {
    this.#notify();
  }

  /** Nothing happens to an answer that has ended: its reader may still be on the way to the end. */
  fail(error: Error): void {
    if (this.#finishReason === undefined) {
      this.#failure ??= error;
      this.#notify();
    }
  }

  /** Ends the events, once all tokens so far are told, without a finish reason. */
  cancel(): void {
    this.#isCancelled = true;
    this.#notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<AnswerEvent> {
    for (;;) {
      await this.#news();
      if (this.#failure !== undefined) {
        throw this.#failure;
      }
      if (this.#reportedTokens === this.#completionTokens) {
        return; // cancelled, and all is told
      }
      const event = this.#take();
      yield event;
      // Not what is known by now: a slow reader has the rest of a finished answer still before it.
      if (event.finishReason !== undefined) {
        return;
      }
    }
  }

  #take(): AnswerEvent {
    this.#reportedTokens = this.#completionTokens;
    return {
      ...this.#text.take(),
      completionTokens: this.#completionTokens,
      reasoningTokens: this.#options.thought.tokens,
      cachedTokens: this.#cachedTokens ?? 0,
      finishReason: this.#finishReason,
    };
  }

  async #news(): Promise<void> {
    while (!this.#hasNews()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #hasNews(): boolean {
    return (
      this.#isCancelled ||
      this.#failure !== undefined ||
      this.#reportedTokens < this.#completionTokens
    );
  }

  #notify(): void {
    this.#begun.resolve();
    this.#wake?.();
    this.#wake = undefined;
  }
}
