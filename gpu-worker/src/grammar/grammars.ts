import { createHash } from "node:crypto";

import { GrammarConstraint } from "./grammar-constraint.ts";
import { TextThreads } from "./text-threads.ts";
import type { TokenTable } from "./token-table.ts";
import { UnsupportedGrammar } from "./unsupported.ts";
import { CallFailed, WatchedThread } from "./watched-thread.ts";

/** Over 151,936 tokens most schemas take 0.1 s; lengths take a second together, a long pattern up to one. */
const COMPILE_LIMIT_MS = 5000;
/** Loading the library and reading 151,936 tokens takes 0.3 s; a busy machine is given more. */
const OPEN_LIMIT_MS = 60_000;
/** Verdicts on grammars, kept so that neither good nor bad ones are tried twice. */
const MAX_VERDICTS = 1024;

export interface GrammarOptions {
  compileLimitMs?: number;
}

/**
 * Grammars over one vocabulary. A new one is tried in a thread of its own first: one that is faulty, or
 * takes too long, costs that thread and nobody else anything. Only what has compiled reaches the
 * threads in which texts are written.
 */
export class Grammars {
  readonly #table: TokenTable;
  readonly #compileLimitMs: number;
  readonly #trials: WatchedThread;
  readonly #texts: TextThreads;
  /** By the SHA-256 of the source, oldest first: undefined when it compiled, else what is wrong with it. */
  readonly #verdicts = new Map<string, Promise<UnsupportedGrammar | undefined>>();
  #lastTrial: Promise<unknown> = Promise.resolve();
  #nextId = 0;

  constructor(table: TokenTable, { compileLimitMs = COMPILE_LIMIT_MS }: GrammarOptions = {}) {
    this.#table = table;
    this.#compileLimitMs = compileLimitMs;
    const thread = () =>
      new WatchedThread({
        entry: new URL("./grammar-worker.ts", import.meta.url),
        workerData: table,
        openLimitMs: OPEN_LIMIT_MS,
      });
    this.#trials = thread();
    this.#texts = new TextThreads(thread);
  }

  /** @throws UnsupportedGrammar that says what is wrong, or that it takes too long to compile */
  async check(source: string): Promise<void> {
    const key = createHash("sha256").update(source).digest("base64");
    const verdict = this.#verdicts.get(key) ?? this.#try(source);
    this.#verdicts.delete(key);
    this.#verdicts.set(key, verdict);
    this.#forgetOldest();
    const fault = await verdict.catch((error: unknown) => {
      this.#verdicts.delete(key); // the thread failed, which says nothing of the grammar
      throw error;
    });
    if (fault !== undefined) {
      throw fault;
    }
  }

  /** For one text, under a grammar that was checked. */
  constraint(source: string): GrammarConstraint {
    const { vocabSize } = this.#table;
    const lease = this.#texts.lend(source);
    return new GrammarConstraint({ lease, id: this.#nextId++, source, vocabSize });
  }

  async close(): Promise<void> {
    await Promise.all([this.#trials.close(), this.#texts.close()]);
  }

  #forgetOldest(): void {
    const [oldest] = this.#verdicts.keys();
    if (this.#verdicts.size > MAX_VERDICTS && oldest !== undefined) {
      this.#verdicts.delete(oldest);
    }
  }

  /** One at a time, so that each has the thread and its whole time for itself. */
  #try(source: string): Promise<UnsupportedGrammar | undefined> {
    const trial = this.#lastTrial.then(() => this.#tryNow(source));
    this.#lastTrial = trial.catch(() => undefined); // the caller hears of it
    return trial;
  }

  async #tryNow(source: string): Promise<UnsupportedGrammar | undefined> {
    try {
      await this.#trials.call({ type: "try", source }, this.#compileLimitMs);
      return undefined;
    } catch (error) {
      if (!(error instanceof CallFailed)) {
        throw error;
      }
      return new UnsupportedGrammar(
        error.isTooSlow
          ? `compiling it ${error.message}; bounds of lengths and counts, and repetitions in repetitions, are what costs most`
          : error.message,
      );
    }
  }
}
