import { ApiError } from "@qwen3-vl/shared/errors";

/** Seconds after which a refused client may try again: about the length of a short answer. */
const RETRY_AFTER_SECONDS = 1;

/** Bounds the requests that are being prepared, wait or run: beyond it, clients are sent away at once. */
export class Admission {
  readonly #limit: number;
  #inside = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get inside(): number {
    return this.#inside;
  }

  /**
   * Takes a place until it is disposed of.
   *
   * @throws ApiError `overloaded` when all places are taken
   */
  enter(): Disposable {
    if (this.#inside >= this.#limit) {
      throw new ApiError("overloaded", `The server is busy with ${this.#inside} requests.`, {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    this.#inside++;
    return {
      [Symbol.dispose]: () => {
        this.#inside--;
      },
    };
  }
}
