import type { Answer } from "./answer.ts";
import type { EngineObserver } from "./engine-observer.ts";
import type { EngineSnapshot } from "./engine-snapshot.ts";
import type { Model } from "./model.ts";
import { MASK_GRACE_MS, park, readyWithin, unpark } from "./parked-rows.ts";
import type { LateRow } from "./parked-rows.ts";
import { Scheduler } from "./scheduler.ts";
import type { SchedulerOptions } from "./scheduler.ts";
import { appendOutput, modelRow } from "./sequence.ts";
import type { Sequence } from "./sequence.ts";
import { StepPace } from "./step-pace.ts";
import { planStep } from "./step-plan.ts";
import type { StepLimits, StepRow } from "./step-plan.ts";

export interface EngineOptions extends StepLimits, Partial<Omit<SchedulerOptions, "onStart">> {
  observer?: EngineObserver;
  /** Milliseconds that a step waits for masks that are late. */
  maskGraceMs?: number;
  /** Milliseconds that a step may take while answers run, which narrows `prefillChunk`; no bound without it. */
  maxStallMs?: number;
}

/** Logits of each row, where there are any. */
type StepLogits = Awaited<ReturnType<Model["forward"]>>;

/** The continuous-batching loop. Only a step touches the batch, one step at a time. */
export class Engine {
  readonly #model: Model;
  readonly #options: EngineOptions;
  readonly #observer: EngineObserver;
  readonly #now: () => number;
  readonly #scheduler: Scheduler;
  readonly #pace: StepPace;
  readonly #aborted = new Set<Sequence>();
  /** Answers with a token that their readers do not know of yet. */
  readonly #untold: Answer[] = [];
  #loop: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(model: Model, options: EngineOptions) {
    const { observer = {}, now = () => performance.now() } = options;
    this.#model = model;
    this.#options = options;
    this.#observer = observer;
    this.#now = now;
    const onStart = (waitedMs: number) => observer.started?.(waitedMs);
    this.#scheduler = new Scheduler(model, { ...options, now, onStart });
    this.#pace = new StepPace(options.maxStallMs ?? Infinity);
  }

  /**
   * Queues a sequence; its answer tells what becomes of it.
   *
   * @throws RangeError when it could outgrow a slot, or would wait forever for memory
   */
  submit(sequence: Sequence): void {
    this.#scheduler.add(sequence);
    this.#loop ??= this.#runUntilIdle();
    this.#wake?.();
  }

  /** Ends a sequence before its next step; nothing happens to one that has ended. */
  abort(sequence: Sequence): void {
    if (this.#scheduler.has(sequence)) {
      this.#aborted.add(sequence);
      this.#wake?.();
    }
  }

  snapshot(): EngineSnapshot {
    return this.#scheduler.snapshot();
  }

  /** Resolves when nothing runs or waits any more. */
  async idle(): Promise<void> {
    await this.#loop;
  }

  async #runUntilIdle(): Promise<void> {
    // A submitter must get its sequence back before the first step, so that it can abort it.
    await Promise.resolve();
    while (!this.#scheduler.isIdle) {
      await this.#step();
    }
    this.#loop = undefined;
  }

  /**
   * What the last step brought is told while this one runs: making events of it and writing them takes
   * no time of the model's. The last step tells at once.
   */
  async #step(): Promise<void> {
    this.#dropAborted();
    this.#commitParked();
    this.#scheduler.schedule();
    const { running } = this.#scheduler;
    const rows = planStep(running, this.#stepLimits());
    if (rows.length > 0) {
      await this.#run(rows);
    } else if (running.length > 0) {
      this.#tell();
      await this.#news(); // all are parked
    }
    if (this.#scheduler.isIdle) {
      this.#tell();
    }
  }

  #stepLimits(): StepLimits {
    const { prefillChunk, lonePrefillChunk, maxStallMs } = this.#options;
    return maxStallMs === undefined
      ? this.#options
      : { prefillChunk: Math.min(prefillChunk, this.#pace.prefillChunk), lonePrefillChunk };
  }

  async #run(rows: readonly StepRow[]): Promise<void> {
    const begun = this.#now();
    try {
      const forward = this.#forward(rows);
      this.#tell();
      await this.#commit(rows, await forward);
    } catch (error) {
      for (const { sequence } of rows) {
        this.#fail(sequence, error);
      }
    }
    const figures = {
      decodedRows: rows.reduce((sum, { isPrompt }) => sum + (isPrompt ? 0 : 1), 0),
      prefillTokens: rows.reduce(
        (sum, { isPrompt, tokenCount }) => sum + (isPrompt ? tokenCount : 0),
        0,
      ),
      milliseconds: this.#now() - begun,
    };
    this.#pace.note(figures);
    this.#observer.stepped?.(figures);
  }

  #forward(rows: readonly StepRow[]): Promise<StepLogits> {
    return this.#model.forward(
      rows.map(({ sequence, tokenCount }) => {
        if (sequence.slot === undefined) {
          throw new Error(`sequence ${sequence.id} runs without a slot`);
        }
        return modelRow(sequence, sequence.slot, tokenCount);
      }),
    );
  }

  async #commit(rows: readonly StepRow[], logits: StepLogits): Promise<void> {
    this.#dropAborted(); // whoever read them may have disposed of their masks
    const late: LateRow[] = [];
    for (const [index, { sequence, tokenCount }] of rows.entries()) {
      if (sequence.slot === undefined) {
        continue; // it was aborted
      }
      this.#scheduler.noteCached(sequence, sequence.cachedTokens + tokenCount);
      const rowLogits = logits[index];
      if (rowLogits === undefined) {
        continue; // a chunk that did not reach the end of the prompt, or a token that comes back
      }
      if (sequence.answer.isReady) {
        this.#push(sequence, rowLogits);
      } else {
        late.push({ sequence, logits: rowLogits });
      }
    }
    if (late.length > 0) {
      await this.#commitLate(late);
    }
  }

  /** Rows whose masks are not there soon are parked, so that they hold up no others. */
  async #commitLate(late: readonly LateRow[]): Promise<void> {
    this.#tell();
    await readyWithin(late, this.#options.maskGraceMs ?? MASK_GRACE_MS);
    this.#dropAborted();
    for (const row of late) {
      const { sequence, logits } = row;
      if (sequence.slot === undefined) {
        continue; // it was aborted
      }
      if (sequence.answer.isReady) {
        this.#push(sequence, logits);
      } else {
        park(row);
        void sequence.answer.ready().then(() => this.#wake?.());
      }
    }
  }

  #commitParked(): void {
    // From the end, for some leave with their last token.
    for (let place = this.#scheduler.running.length - 1; place >= 0; place--) {
      const sequence = this.#scheduler.running[place];
      const logits = sequence && unpark(sequence);
      if (sequence !== undefined && logits !== undefined) {
        this.#push(sequence, logits);
      }
    }
  }

  /** Sampling may refuse one sequence's logits; the others of the step go on. */
  #push(sequence: Sequence, logits: Float32Array): void {
    try {
      const { tokenId, finished } = sequence.answer.push(logits);
      appendOutput(sequence, tokenId);
      this.#untold.push(sequence.answer);
      if (finished) {
        this.#scheduler.remove(sequence);
      }
    } catch (error) {
      this.#fail(sequence, error);
    }
  }

  #tell(): void {
    for (const answer of this.#untold) {
      answer.tell();
    }
    this.#untold.length = 0;
  }

  #fail(sequence: Sequence, error: unknown): void {
    sequence.answer.fail(error instanceof Error ? error : new Error(String(error)));
    this.#scheduler.removeFailed(sequence);
  }

  #dropAborted(): void {
    for (const sequence of this.#aborted) {
      this.#scheduler.remove(sequence);
    }
    this.#aborted.clear();
  }

  /** Resolves when a parked sequence may go on, or when one comes or is aborted. */
  async #news(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }
}
