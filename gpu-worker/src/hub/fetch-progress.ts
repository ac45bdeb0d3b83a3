/** How far a fetch is. */
export interface Progress {
  label: string;
  doneBytes: number;
  totalBytes: number;
  /** Of what came since the total is known; undefined before anything has. */
  bytesPerSecond: number | undefined;
}

/** Where progress is shown: a bar on a terminal, lines in a log. */
export interface ProgressDisplay {
  /** Shows no more often than this. */
  intervalMs: number;
  show: (progress: Progress) => void;
  /** Something out of the ordinary, in one line. */
  note: (message: string) => void;
  end: () => void;
}

/** Counts the bytes of all files of a fetch and shows them now and then. */
export class FetchProgress {
  readonly #label: string;
  readonly #display: ProgressDisplay;
  readonly #now: () => number;
  #startedAt = 0;
  #totalBytes = 0;
  #keptBytes = 0;
  #receivedBytes = 0;
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(label: string, display: ProgressDisplay, now: () => number = Date.now) {
    this.#label = label;
    this.#display = display;
    this.#now = now;
  }

  /** Tells how many bytes there are in all, which begins the showing and the clock. */
  expect(totalBytes: number): void {
    this.#totalBytes = totalBytes;
    this.keep(this.#receivedBytes); // the small files' rate says nothing about that of the large ones
    this.#receivedBytes = 0;
    this.#startedAt = this.#now();
  }

  /** Bytes that an earlier start has left. */
  keep(bytes: number): void {
    this.#keptBytes += bytes;
  }

  receive(bytes: number): void {
    this.#receivedBytes += bytes;
    if (this.#totalBytes > 0 && this.#now() - this.#shownAt >= this.#display.intervalMs) {
      this.#show();
    }
  }

  /** Bytes counted before that have to come again. */
  discard(bytes: number): void {
    this.#keptBytes -= bytes;
  }

  end(): void {
    if (this.#shownAt > Number.NEGATIVE_INFINITY) {
      this.#show();
      this.#display.end();
    }
  }

  #show(): void {
    this.#shownAt = this.#now();
    const seconds = (this.#shownAt - this.#startedAt) / 1000;
    const isKnown = seconds > 0 && this.#receivedBytes > 0;
    this.#display.show({
      label: this.#label,
      doneBytes: this.#keptBytes + this.#receivedBytes,
      totalBytes: this.#totalBytes,
      bytesPerSecond: isKnown ? this.#receivedBytes / seconds : undefined,
    });
  }
}
