/** Memory set aside; what is not needed any more may be given back early, the rest when it is disposed of. */
export interface MediaReservation extends Disposable {
  giveBack(bytes: number): void;
}

interface Waiting {
  bytes: number;
  resolve: () => void;
}

/**
 * Sets memory aside for the patches and features of requests before anything of them is decoded. Who
 * finds too little waits, and is not overtaken.
 */
export class MediaMemory {
  readonly maxBytes: number;
  readonly #waiting = new Set<Waiting>();
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Rejects with the signal's reason. @throws RangeError for what could never be had */
  async reserve(bytes: number, signal: AbortSignal): Promise<MediaReservation> {
    if (bytes > this.maxBytes) {
      throw new RangeError(`${bytes} bytes of media exceed ${this.maxBytes}`);
    }
    signal.throwIfAborted();
    if (this.#waiting.size > 0 || this.#usedBytes + bytes > this.maxBytes) {
      await this.#wait(bytes, signal);
    } else {
      this.#usedBytes += bytes;
    }
    return this.#reservation(bytes);
  }

  async #wait(bytes: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { bytes, resolve };
    const onAbort = () => {
      this.#waiting.delete(waiting);
      this.#letIn(); // it may have held up smaller ones
      reject(signal.reason);
    };
    this.#waiting.add(waiting);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #reservation(bytes: number): MediaReservation {
    let left = bytes;
    const giveBack = (part: number) => {
      const given = Math.min(part, left);
      left -= given;
      this.#usedBytes -= given;
      this.#letIn();
    };
    return { giveBack, [Symbol.dispose]: () => giveBack(left) };
  }

  #letIn(): void {
    for (const waiting of this.#waiting) {
      if (this.#usedBytes + waiting.bytes > this.maxBytes) {
        return;
      }
      this.#usedBytes += waiting.bytes;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }
}
