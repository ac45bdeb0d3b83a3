import { toUsage } from "@qwen3-vl/shared/usage";
import type { TokenCounts } from "@qwen3-vl/shared/usage";
import type { RequestRecord } from "@qwen3-vl/shared/worker-protocol";

/** Ended requests whose counts are kept for an edge that asks late; about 270 bytes each. */
const MAX_ENDED = 4096;

/** A request that the worker is answering or has answered. */
export class LiveRequest {
  readonly id: string;
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

  constructor(id: string) {
    this.id = id;
  }

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
  readonly #live = new Map<string, LiveRequest>();
  /**
   * In order of their ends. Records alone: a request's aborted signal remembers in its stack the
   * response that closed, and through it the socket, 14 KB for each.
   */
  readonly #ended = new Map<string, RequestRecord>();

  /** Requests that have not ended. */
  get liveCount(): number {
    return this.#live.size;
  }

  /**
   * Registers a request until `end`; undefined when its id is taken. One that ended before it cost
   * anything, as when all places were taken, may come again.
   */
  begin(id: string): LiveRequest | undefined {
    const ended = this.#ended.get(id);
    if (this.#live.has(id) || (ended !== undefined && ended.usage.total_tokens > 0)) {
      return undefined;
    }
    const request = new LiveRequest(id);
    this.#live.set(id, request);
    return request;
  }

  end(request: LiveRequest): void {
    request.end();
    this.#live.delete(request.id);
    this.#ended.set(request.id, recordOf(request));
    this.#forgetOldest();
  }

  /** Ends a request and tells its tokens; undefined for an id that is not, or no longer, known. */
  async abort(id: string): Promise<RequestRecord | undefined> {
    const request = this.#live.get(id);
    if (request === undefined) {
      return this.#ended.get(id);
    }
    request.abort();
    await request.ended;
    return recordOf(request);
  }

  abortAll(): void {
    for (const request of this.#live.values()) {
      request.abort();
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#ended.keys();
    if (oldest !== undefined && this.#ended.size > MAX_ENDED) {
      this.#ended.delete(oldest);
    }
  }
}

function recordOf({ counts }: LiveRequest): RequestRecord {
  return { usage: toUsage(counts) };
}
