import { KeptGrammars } from "./kept-grammars.ts";
import type { WatchedThread } from "./watched-thread.ts";

/** A second one takes 80 MB with the published vocabulary; each further one has less to gain. */
const THREADS = 2;

/** The thread of one text, which counts as live until this is disposed of. */
export interface ThreadLease extends Disposable {
  readonly thread: WatchedThread;
}

interface TextThread {
  thread: WatchedThread;
  liveTexts: number;
  /** What the thread keeps, as far as it is still the same thread. */
  grammars: KeptGrammars<true>;
  generation: number;
}

/**
 * The threads in which texts are written. Compiling a new grammar holds up the other texts of its thread, so
 * it is done where there are fewest, and texts whose grammar is compiled already stay away from others.
 */
export class TextThreads {
  readonly #threads: readonly TextThread[];

  /** @param start starts a thread for grammars */
  constructor(start: () => WatchedThread) {
    this.#threads = Array.from({ length: THREADS }, () => {
      const thread = start();
      const { generation } = thread;
      return { thread, liveTexts: 0, grammars: new KeptGrammars<true>(), generation };
    });
  }

  /** A thread for a text under this grammar, which the text is to begin in at once. */
  lend(source: string): ThreadLease {
    const chosen = this.#choose(source);
    chosen.grammars.use(source, true);
    chosen.liveTexts++;
    let isLent = true;
    return {
      thread: chosen.thread,
      [Symbol.dispose]: () => {
        chosen.liveTexts -= isLent ? 1 : 0;
        isLent = false;
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map(({ thread }) => thread.close()));
  }

  #choose(source: string): TextThread {
    for (const state of this.#threads) {
      forgetReplaced(state);
    }
    const compiled = this.#threads.filter(({ grammars }) => grammars.has(source));
    const candidates = compiled.length > 0 ? compiled : this.#threads;
    return candidates.reduce((best, other) => (other.liveTexts < best.liveTexts ? other : best));
  }
}

/** A thread that was replaced has nothing compiled. */
function forgetReplaced(state: TextThread): void {
  const { generation } = state.thread;
  if (state.generation !== generation) {
    state.generation = generation;
    state.grammars = new KeptGrammars();
  }
}
