import { isEventStream } from "@qwen3-vl/shared/sse";

import { concatBytes } from "../http/concat-bytes.ts";

const DONE = "data: [DONE]\n\n";

/** Collects an answer up to a size; what is larger is forgotten. */
export class KeptBytes {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isTooLarge(): boolean {
    return this.#length > this.#maxBytes;
  }

  push(chunk: Uint8Array): void {
    this.#length += chunk.byteLength;
    if (this.isTooLarge) {
      this.#chunks = [];
    } else {
      this.#chunks.push(chunk);
    }
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return concatBytes(this.#chunks, this.isTooLarge ? 0 : this.#length);
  }
}

/** Statuses of answers that a repeat should not get again: another time, or with more rights, it may go well. */
const PASSING: ReadonlySet<number> = new Set([401, 403, 408, 409, 429, 499]);

export function isWorthKeeping(status: number): boolean {
  return status < 500 && !PASSING.has(status);
}

/** Whether an answer that has ended has ended properly: a stream of events says so itself. */
export function isWhole(contentType: string, body: Uint8Array): boolean {
  return (
    !isEventStream(contentType) || new TextDecoder().decode(body.subarray(-DONE.length)) === DONE
  );
}
