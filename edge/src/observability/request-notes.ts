import type { ErrorCode } from "@qwen3-vl/shared/errors";
import type { MediaFigures } from "@qwen3-vl/shared/media-figures";

import type { Outcome, UsageCounts } from "../usage/usage-records.ts";
import type { WorkerFailure } from "./edge-figures.ts";

/** What a request's one line in the log tells beside route, status and time. Never content, never a client's URL. */
export interface RequestNotes {
  /** Under which the GPU worker knows it. */
  workerRequestId?: string;
  model?: string;
  /** The host of the GPU worker that answered. */
  worker?: string;
  /** Times that a worker failed or refused before the answer's first byte. */
  workerFailures: Record<WorkerFailure, number>;
  /** Bytes of pictures and clips. */
  mediaBytes: number;
  /** Of an answer: how it ended, its tokens, and what its media amount to. */
  outcome?: Outcome;
  counts?: UsageCounts;
  media?: MediaFigures;
  /** Of a refusal. */
  code?: ErrorCode;
  /** What went wrong, where that is our fault. */
  cause?: unknown;
  /** Settles when the answer has been sent, of one that is sent bit by bit. */
  ended?: Promise<unknown>;
}
