import { ApiError } from "@qwen3-vl/shared/errors";

import type { Env } from "../env.ts";
import type { ApiKey } from "../keys/api-key.ts";
import type { EstimatedAmounts } from "../limits/amounts.ts";
import type { Standing } from "../limits/decide.ts";
import type { KeyLimiter } from "../limits/key-limiter.ts";
import { toRefusalError } from "../limits/refusal-error.ts";
import type { Logger } from "../observability/logger.ts";
import type { Outcome, RequestDraft, RequestEnding } from "./usage-records.ts";

const RETRY_AFTER_SECONDS = 2;

/** The limiter of a key, which is one object in all the world. */
export function limiterOf(env: Env, apiKeyId: string): DurableObjectStub<KeyLimiter> {
  return env.KEY_LIMITER.get(env.KEY_LIMITER.idFromName(apiKeyId));
}

/** The books of one completion request with its key's limiter: each request is entered exactly once. */
export class RequestBooks {
  readonly #limiter: DurableObjectStub<KeyLimiter>;
  readonly #apiKey: ApiKey;
  readonly #logger: Logger;
  readonly #draft: RequestDraft;
  #standings: Standing[] | undefined;
  #isEntered = false;
  #held: Promise<void> = Promise.resolve();

  constructor(
    env: Env,
    apiKey: ApiKey,
    { requestId, logger }: { requestId: string; logger: Logger },
  ) {
    this.#limiter = limiterOf(env, apiKey.id);
    this.#apiKey = apiKey;
    this.#logger = logger;
    this.#draft = {
      id: crypto.randomUUID(),
      requestId,
      apiKeyId: apiKey.id,
      tenant: apiKey.tenant,
      model: "",
      startedAt: Date.now(),
    };
  }

  /** Under which the GPU worker knows the request; its ids are its keys, so they are never a client's choice. */
  get id(): string {
    return this.#draft.id;
  }

  /** How the key stood when it was last asked. */
  get standings(): Standing[] | undefined {
    return this.#standings;
  }

  /** Whether the limiter knows of the request. */
  get isEntered(): boolean {
    return this.#isEntered;
  }

  /** What the request asks for, once that is known. */
  set model(name: string) {
    this.#draft.model = name;
  }

  /**
   * Sets aside what the request will use at most.
   *
   * @throws ApiError `rate_limit_exceeded` or `insufficient_quota` when the key's limits do not let it
   * in; `overloaded` when its limiter does not answer
   */
  async reserve(estimate: EstimatedAmounts): Promise<void> {
    const answer = await this.#ask(() =>
      this.#limiter.reserve(this.#draft, estimate, this.#apiKey.limits),
    );
    this.#isEntered = true;
    this.#standings = answer.standings;
    const { refusal, reservation } = answer;
    if (refusal !== undefined) {
      throw toRefusalError(refusal);
    }
    if (reservation !== undefined) {
      this.#held = this.#ask(() => this.#limiter.hold(reservation));
      this.#held.catch(() => undefined); // whoever asks `held` hears of it
    }
  }

  /**
   * Resolves when what was reserved is written down: before that, nothing may be answered.
   *
   * @throws ApiError `overloaded` when the limiter does not answer
   */
  get held(): Promise<void> {
    return this.#held;
  }

  /** Enters a request that ended before it was reserved. Never rejects: the client's answer is another one. */
  async recordUnserved(outcome: Outcome): Promise<void> {
    const { limits } = this.#apiKey;
    try {
      this.#standings = await this.#limiter.recordUnserved(this.#draft, outcome, limits);
    } catch (cause) {
      this.#logger.error("usage_not_recorded", { ...this.#draft, outcome, cause });
    }
  }

  /** Enters how the request ended. Never rejects: what is not settled here, the limiter's alarm settles. */
  async settle(ending: RequestEnding): Promise<void> {
    try {
      await this.#held;
      await this.#limiter.settle(this.#draft.id, ending);
    } catch (cause) {
      this.#logger.error("usage_not_settled", { ...this.#draft, ...ending, cause });
    }
  }

  async #ask<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (cause) {
      const retryAfterSeconds = RETRY_AFTER_SECONDS;
      const message = "The limits of the API key cannot be checked now; try again shortly.";
      throw new ApiError("overloaded", message, { retryAfterSeconds, cause });
    }
  }
}
