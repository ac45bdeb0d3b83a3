import { NO_MEDIA } from "@qwen3-vl/shared/media-figures";
import type { MediaFigures } from "@qwen3-vl/shared/media-figures";
import { NO_TOKENS, toUsage } from "@qwen3-vl/shared/usage";
import type { TokenCounts } from "@qwen3-vl/shared/usage";
import type { RunProgress } from "@qwen3-vl/shared/worker-jobs";
import type { RequestRecord } from "@qwen3-vl/shared/worker-protocol";

/**
 * Ended requests whose counts are kept for an edge that asks late, about 400 bytes each: what a GPU
 * answers in ten minutes. An edge that has died in mid-answer asks after one.
 */
const MAX_ENDED = 32_768;

/** A request that the worker is answering or has answered. */
export class LiveRequest {
  readonly id: string;
  readonly counts: TokenCounts = { ...NO_TOKENS };
  media: MediaFigures = NO_MEDIA;
  stage: RunProgress["stage"] = "waiting";
  /** Of its clips, as they are sampled. */
  readonly frames = { decoded: 0, total: 0 };
  /** Whether its answer was written whole; of one that has ended and was not aborted, false means that it failed. */
  isAnswered = false;
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
  readonly #maxEnded: number;
  readonly #live = new Map<string, LiveRequest>();
  /**
   * In order of their ends. Records alone: a request's aborted signal remembers in its stack the
   * response that closed, and through it the socket, 14 KB for each.
   */
  readonly #ended = new Map<string, RequestRecord>();

  constructor(maxEnded = MAX_ENDED) {
    this.#maxEnded = maxEnded;
  }

  /** Requests that have not ended. */
  get liveCount(): number {
    return this.#live.size;
  }

  /** Registers a request until `end`; undefined when its id is taken, or was aborted before it came. */
  begin(id: string): LiveRequest | undefined {
    const ended = this.#ended.get(id);
    if (this.#live.has(id) || (ended !== undefined && !mayComeAgain(ended))) {
      return undefined;
    }
    const request = new LiveRequest(id);
    this.#live.set(id, request);
    return request;
  }

  end(request: LiveRequest): void {
    request.end();
    this.#live.delete(request.id);
    this.#remember(request.id, recordOf(request, endState(request)));
  }

  /**
   * Ends a request and tells its tokens; undefined for an id that is not, or no longer, known. Such a
   * request may still be on its way, by another connection: it is taken for ended when it comes.
   */
  async abort(id: string): Promise<RequestRecord | undefined> {
    const request = this.#live.get(id);
    if (request === undefined) {
      const ended = this.#ended.get(id);
      if (ended === undefined) {
        this.#remember(id, { state: "aborted", usage: toUsage(NO_TOKENS), media: NO_MEDIA });
      }
      return ended;
    }
    request.abort();
    await request.ended;
    return recordOf(request, endState(request));
  }

  /** What is known of a request; undefined for an id that is not, or no longer, known. */
  find(id: string): RequestRecord | undefined {
    const request = this.#live.get(id);
    return request === undefined ? this.#ended.get(id) : recordOf(request, "running");
  }

  abortAll(): void {
    for (const request of this.#live.values()) {
      request.abort();
    }
  }

  #remember(id: string, record: RequestRecord): void {
    this.#ended.set(id, record);
    const [oldest] = this.#ended.keys();
    if (oldest !== undefined && this.#ended.size > this.#maxEnded) {
      this.#ended.delete(oldest);
    }
  }
}

/** As one that found all places taken: it has cost nothing. */
function mayComeAgain({ state, usage }: RequestRecord): boolean {
  return state === "failed" && usage.total_tokens === 0;
}

function endState({ isAnswered, signal }: LiveRequest): RequestRecord["state"] {
  if (isAnswered) {
    return "answered";
  }
  return signal.aborted ? "aborted" : "failed";
}

function recordOf({ counts, media }: LiveRequest, state: RequestRecord["state"]): RequestRecord {
  return { state, usage: toUsage(counts), media };
}
