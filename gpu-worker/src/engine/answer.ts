import type { FinishReason } from "@qwen3-vl/shared/chat-completion";

import type { TokenConstraint } from "./logits-rule.ts";
import type { TokenLogprobs } from "./logprobs.ts";
import type { Sampler } from "./sampler.ts";
import type { StopStringFilter } from "./stop-strings.ts";
import { ToldLogprobs } from "./told-logprobs.ts";

/** Turns tokens into text that is complete up to whole characters. */
export interface TokenDecoder {
  push(tokenId: number): string;
  flush(): string;
}

/** What became known of an answer since the event before. */
export interface AnswerEvent {
  text: string;
  /** Tokens generated so far, those without text included. */
  completionTokens: number;
  /** Tokens of the prompt that were in the KV cache before. */
  cachedTokens: number;
  finishReason: FinishReason | undefined;
  /** Where they are wanted: of tokens whose text is told up to here, and of those without text. */
  logprobs?: readonly TokenLogprobs[];
}

export interface AnswerOptions {
  sampler: Sampler;
  /** One of the sampler's rules, told of each token and waited for. */
  constraint?: TokenConstraint | undefined;
  decoder: TokenDecoder;
  stopStrings: StopStringFilter;
  endTokenIds: ReadonlySet<number>;
  /** Tokens after which the answer is cut. */
  maxTokens: number;
  /** Stop strings that are complete with so many tokens or fewer do not count. */
  minTokens?: number;
}

/**
 * From logits to the events of one answer. The engine pushes, one reader pulls: tokens that a slow
 * reader did not fetch yet become one event, so what waits is bounded by the answer's text.
 */
export class Answer implements AsyncIterable<AnswerEvent> {
  readonly #options: AnswerOptions;
  readonly #logprobs = new ToldLogprobs();
  #text = "";
  #cachedTokens = 0;
  #completionTokens = 0;
  #reportedTokens = 0;
  #finishReason: FinishReason | undefined;
  #failure: Error | undefined;
  #isCancelled = false;
  #wake: (() => void) | undefined;
  readonly #begun = Promise.withResolvers<void>();

  constructor(options: AnswerOptions) {
    this.#options = options;
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

  /** Resolves when the next token may be sampled. */
  async ready(): Promise<void> {
    await this.#options.constraint?.ready();
  }

  /** The sequence runs from now on; so many tokens of its prompt need not. */
  begin(cachedTokens: number): void {
    this.#cachedTokens = cachedTokens;
  }

  /** Samples the next token; tells its id and whether the answer ends with it. */
  push(logits: Float32Array): { tokenId: number; finished: boolean } {
    const { sampler, constraint, endTokenIds, maxTokens } = this.#options;
    const tokenId = sampler.sample(logits);
    constraint?.accept(tokenId);
    this.#completionTokens++;
    this.#logprobs.note(sampler.logprobs);
    if (endTokenIds.has(tokenId)) {
      this.#end(tokenId);
    } else if (this.#append(tokenId)) {
      this.#finishReason = "stop";
      this.#logprobs.dropRest();
    } else if (this.#completionTokens >= maxTokens) {
      this.#finish("length");
    }
    this.#notify();
    return { tokenId, finished: this.#finishReason !== undefined };
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

  /** Adds a token's text; tells whether a stop string was met. */
  #append(tokenId: number): boolean {
    const { decoder, stopStrings, minTokens = 0 } = this.#options;
    this.#show(decoder.push(tokenId), this.#completionTokens > minTokens);
    return stopStrings.stopped;
  }

  /** Ends the answer with an end token, whose text is shown only where stop strings are. */
  #end(tokenId: number): void {
    const { decoder, stopStrings } = this.#options;
    if (stopStrings.showsStop) {
      this.#show(decoder.push(tokenId));
    }
    this.#finish("stop");
  }

  /** Ends the answer with the text that was held back: it can no longer become a stop string. */
  #finish(reason: FinishReason): void {
    const { decoder, stopStrings, minTokens = 0 } = this.#options;
    this.#show(decoder.flush(), this.#completionTokens > minTokens);
    if (stopStrings.stopped) {
      this.#logprobs.dropRest();
    } else {
      this.#text += stopStrings.flush();
      this.#logprobs.tellAll();
    }
    this.#finishReason = stopStrings.stopped ? "stop" : reason;
  }

  #show(decoded: string, mayStop = true): void {
    const shown = this.#options.stopStrings.push(decoded, mayStop);
    this.#text += shown;
    this.#logprobs.advance(decoded.length, shown.length);
  }

  #take(): AnswerEvent {
    const logprobs = this.#logprobs.take();
    const event = {
      text: this.#text,
      completionTokens: this.#completionTokens,
      cachedTokens: this.#cachedTokens,
      finishReason: this.#finishReason,
      ...(logprobs.length === 0 ? {} : { logprobs }),
    };
    this.#text = "";
    this.#reportedTokens = this.#completionTokens;
    return event;
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
