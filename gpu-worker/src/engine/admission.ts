import { ApiError } from "@qwen3-vl/shared/errors";

/** Seconds after which a refused client may try again: about the length of a short answer. */
const RETRY_AFTER_SECONDS = 1;

/** Refused before anything was begun: another worker may take the same request, or this one later. */
export class BusyError extends ApiError {
  constructor(message: string, retryAfterSeconds: number) {
    super("overloaded", message, { retryAfterSeconds });
  }
}

/**
 * Bounds the answers that are being prepared, wait or run: beyond it, clients are sent away at once.
 * A request takes a place when it comes, and one for each further answer when it is known to want them.
 */
export class Admission {
  readonly #limit: number;
  #inside = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get inside(): number {
    return this.#inside;
  }

  get places(): number {
    return this.#limit;
  }

  /**
   * Takes a place, until it is disposed of.
   *
   * @throws ApiError `overloaded` when all places are taken
   */
  enter(): Disposable {
    return this.#take(1);
  }

  /**
   * Takes a place for each answer of a request but the first, until they are disposed of.
   *
   * @throws ApiError `invalid_request` when there will never be so many, `overloaded` when there are not now
   */
  enterChoices(choices: number): Disposable {
    this.assertPossible(choices);
    return this.#take(choices - 1);
  }

  /** @throws ApiError `invalid_request` when there will never be places for so many answers of one request */
  assertPossible(choices: number): void {
    if (choices > this.#limit) {
      throw new ApiError(
        "invalid_request",
        `n: expected at most ${this.#limit}, which this server answers at once, got ${choices}.`,
        { param: "n" },
      );
    }
  }

  #take(places: number): Disposable {
    if (this.#inside + places > this.#limit) {
      const message = `The server is busy with ${this.#inside} answers.`;
      throw new BusyError(message, RETRY_AFTER_SECONDS);
    }
    this.#inside += places;
    return {
      [Symbol.dispose]: () => {
        this.#inside -= places;
      },
    };
  }
}
