import type { Priority } from "@qwen3-vl/shared/worker-protocol";

import { insertByTurn, turnOf } from "../engine/turn.ts";

/** Memory set aside; what is not needed any more may be given back early, the rest when it is disposed of. */
export interface MediaReservation extends Disposable {
  giveBack(bytes: number): void;
}

interface Waiting {
  bytes: number;
  priority: Priority;
  turn: number;
  begin: () => void;
}

/** Of all memory, jobs together take this share at most, unless one alone needs more. */
const SHARE_OF_JOBS = 1 / 2;

/**
 * Sets memory aside for the media of requests before anything of them is fetched or decoded. Who finds
 * too little waits, by the turn in which all stand, and is not overtaken; but jobs that wait for other
 * jobs hold nobody else up.
 */
export class MediaMemory {
  readonly maxBytes: number;
  readonly #line: Waiting[] = [];
  #usedBytes = 0;
  /** Of them, by jobs. */
  #jobBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Rejects with the signal's reason. @throws RangeError for what could never be had */
  async reserve(
    bytes: number,
    signal: AbortSignal,
    priority: Priority = "interactive",
  ): Promise<MediaReservation> {
    if (bytes > this.maxBytes) {
      throw new RangeError(`${bytes} bytes of media exceed ${this.maxBytes}`);
    }
    signal.throwIfAborted();
    const begun = Promise.withResolvers<void>();
    const turn = turnOf(Date.now(), priority);
    const waiting = { bytes, priority, turn, begin: () => begun.resolve() };
    insertByTurn(this.#line, waiting);
    this.#letIn();
    if (this.#line.includes(waiting)) {
      await this.#wait(waiting, begun, signal);
    }
    return this.#reservation(bytes, priority);
  }

  async #wait(
    waiting: Waiting,
    { promise, reject }: PromiseWithResolvers<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const onAbort = () => {
      const index = this.#line.indexOf(waiting);
      if (index >= 0) {
        this.#line.splice(index, 1);
        this.#letIn(); // it may have held up smaller ones
        reject(signal.reason); // else it has just been let in, and gives back as all do
      }
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #reservation(bytes: number, priority: Priority): MediaReservation {
    let left = bytes;
    const giveBack = (part: number) => {
      const given = Math.min(part, left);
      left -= given;
      this.#take(-given, priority);
      this.#letIn();
    };
    return { giveBack, [Symbol.dispose]: () => giveBack(left) };
  }

  #letIn(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#line.splice(this.#line.indexOf(next), 1);
      this.#take(next.bytes, next.priority);
      next.begin();
    }
  }

  /** The first in line, if there is memory for it. */
  #next(): Waiting | undefined {
    const first = this.#line.find((waiting) => !this.#waitsForJobs(waiting));
    return first !== undefined && this.#usedBytes + first.bytes <= this.maxBytes
      ? first
      : undefined;
  }

  #waitsForJobs({ bytes, priority }: Waiting): boolean {
    const together = this.#jobBytes + bytes;
    return priority === "batch" && this.#jobBytes > 0 && together > this.maxBytes * SHARE_OF_JOBS;
  }

  #take(bytes: number, priority: Priority): void {
    this.#usedBytes += bytes;
    this.#jobBytes += priority === "batch" ? bytes : 0;
  }
}
