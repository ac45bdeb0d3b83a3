import type { Model } from "./model.ts";
import { modelRow } from "./sequence.ts";
import type { Sequence } from "./sequence.ts";
import { SlotPool } from "./slot-pool.ts";
import { planStep } from "./step-plan.ts";
import type { StepLimits, StepRow } from "./step-plan.ts";

/** What happens in the engine, for metrics and tests. */
export interface EngineSnapshot {
  waiting: number;
  running: readonly { id: string; slot: number | undefined; cachedTokens: number }[];
  freeSlots: number;
  slots: number;
}

/** The continuous-batching loop. Only a step touches the batch, one step at a time. */
export class Engine {
  readonly #model: Model;
  readonly #limits: StepLimits;
  readonly #slots: SlotPool;
  #waiting: Sequence[] = [];
  #running: Sequence[] = [];
  readonly #aborted = new Set<Sequence>();
  #loop: Promise<void> | undefined;

  constructor(model: Model, limits: StepLimits) {
    this.#model = model;
    this.#limits = limits;
    this.#slots = new SlotPool(model.slots);
  }

  /**
   * Queues a sequence; its answer tells what becomes of it.
   *
   * @throws RangeError when it could outgrow a slot: keys would be written behind the slot's memory
   */
  submit(sequence: Sequence): void {
    const { maxLength, prompt } = sequence;
    const { slotCapacity } = this.#model;
    if (prompt.tokenIds.length === 0 || maxLength > slotCapacity) {
      throw new RangeError(
        `sequence ${sequence.id}: expected a prompt and at most ${slotCapacity} tokens, got ${prompt.tokenIds.length} growing to ${maxLength}`,
      );
    }
    this.#waiting.push(sequence);
    this.#loop ??= this.#runUntilIdle();
  }

  /** Ends a sequence before its next step; nothing happens to one that has ended. */
  abort(sequence: Sequence): void {
    if (this.#waiting.includes(sequence) || this.#running.includes(sequence)) {
      this.#aborted.add(sequence);
    }
  }

  snapshot(): EngineSnapshot {
    return {
      waiting: this.#waiting.length,
      running: this.#running.map(({ id, slot, cachedTokens }) => ({ id, slot, cachedTokens })),
      freeSlots: this.#slots.freeCount,
      slots: this.#model.slots,
    };
  }

  /** Resolves when nothing runs or waits any more. */
  async idle(): Promise<void> {
    await this.#loop;
  }

  async #runUntilIdle(): Promise<void> {
    // A submitter must get its sequence back before the first step, so that it can abort it.
    await Promise.resolve();
    while (this.#waiting.length + this.#running.length > 0) {
      await this.#step();
    }
    this.#loop = undefined;
  }

  async #step(): Promise<void> {
    this.#dropAborted();
    const plan = planStep(this.#running, this.#waiting, this.#slots.freeCount, this.#limits);
    this.#admit(plan.admitted);
    if (plan.rows.length === 0) {
      return; // all that ran or waited was aborted
    }
    try {
      this.#commit(plan.rows, await this.#forward(plan.rows));
    } catch (error) {
      for (const { sequence } of plan.rows) {
        this.#fail(sequence, error);
      }
    }
  }

  #admit(admitted: readonly Sequence[]): void {
    this.#waiting = this.#waiting.slice(admitted.length);
    for (const sequence of admitted) {
      sequence.slot = this.#slots.acquire();
      this.#running.push(sequence);
    }
  }

  #forward(rows: readonly StepRow[]): Promise<readonly (Float32Array | undefined)[]> {
    return this.#model.forward(
      rows.map(({ sequence, tokenCount }) => {
        if (sequence.slot === undefined) {
          throw new Error(`sequence ${sequence.id} runs without a slot`);
        }
        return modelRow(sequence, sequence.slot, tokenCount);
      }),
    );
  }

  #commit(rows: readonly StepRow[], logits: readonly (Float32Array | undefined)[]): void {
    for (const [index, { sequence, tokenCount }] of rows.entries()) {
      sequence.cachedTokens += tokenCount;
      const rowLogits = logits[index];
      if (rowLogits !== undefined) {
        this.#push(sequence, rowLogits);
      } // else a prefill chunk that did not reach the end of the prompt
    }
  }

  /** Sampling may refuse one sequence's logits; the others of the step go on. */
  #push(sequence: Sequence, logits: Float32Array): void {
    try {
      const { tokenId, finished } = sequence.answer.push(logits);
      sequence.outputIds.push(tokenId);
      if (finished) {
        this.#retire(sequence);
      }
    } catch (error) {
      this.#fail(sequence, error);
    }
  }

  #fail(sequence: Sequence, error: unknown): void {
    sequence.answer.fail(error instanceof Error ? error : new Error(String(error)));
    this.#retire(sequence);
  }

  #dropAborted(): void {
    for (const sequence of this.#aborted) {
      this.#waiting = this.#waiting.filter((other) => other !== sequence);
      if (this.#running.includes(sequence)) {
        this.#retire(sequence);
      }
    }
    this.#aborted.clear();
  }

  #retire(sequence: Sequence): void {
    if (sequence.slot !== undefined) {
      this.#slots.release(sequence.slot);
      sequence.slot = undefined;
    }
    this.#running = this.#running.filter((other) => other !== sequence);
  }
}
