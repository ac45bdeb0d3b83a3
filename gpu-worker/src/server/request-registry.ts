import { toUsage } from "@qwen3-vl/shared/usage";
import type { TokenCounts } from "@qwen3-vl/shared/usage";
import type { RequestRecord } from "@qwen3-vl/shared/worker-protocol";

/** Ended requests whose counts are kept for an edge that asks late; about 200 bytes each. */
const MAX_ENDED = 4096;

/** A request that the worker is answering or has answered. */
export class LiveRequest {
  readonly counts: TokenCounts = {
    prompt: 0,
    cached: 0,
    image: 0,
    video: 0,
    completion: 0,
    reasoning: 0,
  };
  readonly #controller = new AbortController();
  readonly #ended = Promise.withResolvers<void>();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Resolves when nothing more is counted. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  abort(): void {
    this.#controller.abort();
  }

  end(): void {
    this.#ended.resolve();
  }
}

/** Requests by id: what runs can be ended from outside, and what ended still knows its tokens. */
export class RequestRegistry {
  readonly #requests = new Map<string, LiveRequest>();
  #live = 0;

  /** Requests that have not ended. */
  get liveCount(): number {
    return this.#live;
  }

  /** Registers a request until `end`; undefined when its id is taken. */
  begin(id: string): LiveRequest | undefined {
    if (this.#requests.has(id)) {
      return undefined;
    }
    const request = new LiveRequest();
    this.#requests.set(id, request);
    this.#live++;
    return request;
  }

  end(request: LiveRequest): void {
    request.end();
    this.#live--;
    this.#forgetOldest();
  }

  /** Ends a request and tells its tokens; undefined for an id that is not, or no longer, known. */
  async abort(id: string): Promise<RequestRecord | undefined> {
    const request = this.#requests.get(id);
    if (request === undefined) {
      return undefined;
    }
    request.abort();
    await request.ended;
    return { usage: toUsage(request.counts) };
  }

  abortAll(): void {
    for (const request of this.#requests.values()) {
      request.abort();
    }
  }

  /** Live requests are bounded by admission, so the oldest beyond the bound has ended. */
  #forgetOldest(): void {
    const [oldest] = this.#requests.keys();
    if (oldest !== undefined && this.#requests.size > MAX_ENDED) {
      this.#requests.delete(oldest);
    }
  }
}
