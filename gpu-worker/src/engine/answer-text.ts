import type { TokenLogprobs } from "./logprobs.ts";
import type { StopStringFilter } from "./stop-strings.ts";
import type { Thought } from "./thought.ts";
import { ToldLogprobs } from "./told-logprobs.ts";

/** Turns tokens into text that is complete up to whole characters. */
export interface TokenDecoder {
  push(tokenId: number): string;
  flush(): string;
}

export interface AnswerTextOptions {
  decoder: TokenDecoder;
  thought: Thought;
  /** Looked for after the thought: what a model thinks may hold any of them. */
  stopStrings: StopStringFilter;
  /** Stop strings that are complete with so many tokens or fewer do not count. */
  minTokens?: number;
}

/** What of an answer may be told. */
export interface ToldText {
  /** Of the thought, which comes before all text. */
  reasoning: string;
  text: string;
  /** Where they are wanted: of tokens whose text is told up to here, and of those without text. */
  logprobs?: readonly TokenLogprobs[];
}

/** From the tokens of one answer to its thought and its text. */
export class AnswerText {
  readonly #options: AnswerTextOptions;
  readonly #logprobs = new ToldLogprobs();
  #tokens = 0;
  #reasoning = "";
  #text = "";

  constructor(options: AnswerTextOptions) {
    this.#options = options;
  }

  /** Adds a token; tells whether it completes a stop string, which ends the answer. */
  push(tokenId: number, logprobs: TokenLogprobs | undefined): boolean {
    this.#note(logprobs);
    const { decoder, thought, stopStrings } = this.#options;
    const part = thought.push(tokenId);
    if (part === "outside") {
      this.#show(decoder.push(tokenId));
    } else {
      this.#think(part === "tag" ? decoder.flush() : decoder.push(tokenId));
    }
    if (stopStrings.stopped) {
      this.#logprobs.dropRest();
    }
    return stopStrings.stopped;
  }

  /** Adds a token that ends the answer, whose text is shown only where stop strings are. */
  pushEnd(tokenId: number, logprobs: TokenLogprobs | undefined): void {
    this.#note(logprobs);
    const { decoder, stopStrings, thought } = this.#options;
    if (stopStrings.showsStop && !thought.isOpen) {
      this.#show(decoder.push(tokenId), { mayStop: true });
    }
    this.finish();
  }

  /**
   * The answer has ended: what was held back can no longer become a stop string. Tells whether an
   * unfinished character completed one.
   */
  finish(): boolean {
    const { decoder, stopStrings, thought } = this.#options;
    if (thought.isOpen) {
      this.#think(decoder.flush());
    } else {
      this.#show(decoder.flush());
    }
    if (stopStrings.stopped) {
      this.#logprobs.dropRest();
    } else {
      this.#text += stopStrings.flush();
      this.#logprobs.tellAll();
    }
    return stopStrings.stopped;
  }

  /** What may be told since the last time. */
  take(): ToldText {
    const logprobs = this.#logprobs.take();
    const told = {
      reasoning: this.#reasoning,
      text: this.#text,
      ...(logprobs.length === 0 ? {} : { logprobs }),
    };
    this.#reasoning = "";
    this.#text = "";
    return told;
  }

  #note(logprobs: TokenLogprobs | undefined): void {
    this.#tokens++;
    this.#logprobs.note(logprobs);
  }

  #think(decoded: string): void {
    this.#reasoning += decoded;
    this.#logprobs.advance(decoded.length, decoded.length);
  }

  #show(decoded: string, { mayStop = this.#tokens > (this.#options.minTokens ?? 0) } = {}): void {
    const shown = this.#options.stopStrings.push(decoded, mayStop);
    this.#text += shown;
    this.#logprobs.advance(decoded.length, shown.length);
  }
}
