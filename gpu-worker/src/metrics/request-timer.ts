import type { ChoiceEvent } from "../engine/choices.ts";
import type { Ending, WorkerFigures } from "./worker-figures.ts";

/** Notes when the tokens of a request come, from its arrival to its end. */
export class RequestTimer {
  readonly #figures: WorkerFigures;
  readonly #now: () => number;
  readonly #begunMs: number;
  /** Of each answer: when its last tokens came, and how many there were by then. */
  readonly #lastMs: number[] = [];
  readonly #tokens: number[] = [];

  constructor(figures: WorkerFigures, now: () => number = () => performance.now()) {
    this.#figures = figures;
    this.#now = now;
    this.#begunMs = now();
  }

  /** From the request's arrival to its first token; undefined before it. */
  firstTokenSeconds: number | undefined;

  note({ choice, completionTokens, finishReason }: ChoiceEvent): void {
    const now = this.#now();
    const told = this.#tokens[choice] ?? 0;
    const last = this.#lastMs[choice];
    const tokens = completionTokens - told;
    if (last !== undefined && tokens > 0) {
      this.#figures.tokenSeconds.note((now - last) / tokens / 1000, tokens);
    }
    if (this.firstTokenSeconds === undefined) {
      this.firstTokenSeconds = (now - this.#begunMs) / 1000;
      this.#figures.firstTokenSeconds.note(this.firstTokenSeconds);
    }
    this.#figures.generatedTokens += tokens;
    this.#tokens[choice] = completionTokens;
    this.#lastMs[choice] = now;
    if (finishReason !== undefined) {
      this.#figures.endings[finishReason]++;
    }
  }

  /** @param cutOff how it ended, unless all its answers came to their ends */
  end(cutOff?: Extract<Ending, "abort" | "error">): void {
    if (cutOff !== undefined) {
      this.#figures.endings[cutOff]++;
    }
    this.#figures.requestSeconds.note((this.#now() - this.#begunMs) / 1000);
  }
}
