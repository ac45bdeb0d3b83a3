import type { Model } from "./model.ts";
import { cachedKeys, modelRow } from "./sequence.ts";
import type { Sequence } from "./sequence.ts";
import { SlotTable } from "./slot-table.ts";
import { planStep } from "./step-plan.ts";
import type { StepLimits, StepRow } from "./step-plan.ts";

/** What happens in the engine, for metrics and tests. */
export interface EngineSnapshot {
  waiting: number;
  running: readonly { id: string; slot: number | undefined; cachedTokens: number }[];
  freeSlots: number;
  slots: number;
  /** Share of the KV cache that running sequences have set aside, 0 to 1. */
  kvUsage: number;
}

/** The continuous-batching loop. Only a step touches the batch, one step at a time. */
export class Engine {
  readonly #model: Model;
  readonly #limits: StepLimits;
  readonly #slots: SlotTable;
  #waiting: Sequence[] = [];
  #running: Sequence[] = [];
  readonly #aborted = new Set<Sequence>();
  #loop: Promise<void> | undefined;

  constructor(model: Model, limits: StepLimits) {
    this.#model = model;
    this.#limits = limits;
    this.#slots = new SlotTable(model.slots, model.tokenBudget);
  }

  /**
   * Queues a sequence; its answer tells what becomes of it.
   *
   * @throws RangeError when it could outgrow a slot, or would wait forever for memory
   */
  submit(sequence: Sequence): void {
    const { maxLength, prompt } = sequence;
    const longest = Math.min(this.#model.slotCapacity, this.#model.tokenBudget);
    if (prompt.tokenIds.length === 0 || maxLength > longest) {
      throw new RangeError(
        `sequence ${sequence.id}: expected a prompt and at most ${longest} tokens, got ${prompt.tokenIds.length} growing to ${maxLength}`,
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
      kvUsage: this.#slots.usage,
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
    this.#admit();
    const rows = planStep(this.#running, this.#limits);
    if (rows.length === 0) {
      return; // all that ran or waited was aborted
    }
    try {
      const ready = rows.map(({ sequence }) => sequence.answer.ready());
      const [logits] = await Promise.all([this.#forward(rows), ...ready]);
      this.#commit(rows, logits);
    } catch (error) {
      for (const { sequence } of rows) {
        this.#fail(sequence, error);
      }
    }
  }

  /** In order of arrival: one that must wait for memory is not overtaken, or it might wait forever. */
  #admit(): void {
    for (;;) {
      const [sequence] = this.#waiting;
      const lease = sequence && this.#slots.lease(sequence.content, sequence.maxLength);
      if (sequence === undefined || lease === undefined) {
        return;
      }
      this.#waiting.shift();
      for (const slot of lease.evicted) {
        this.#model.clearSlot(slot);
      }
      if (lease.copyFrom !== undefined) {
        this.#model.copyPrefix(lease.copyFrom, lease.slot, lease.cachedTokens);
      }
      sequence.slot = lease.slot;
      sequence.cachedTokens = lease.cachedTokens;
      sequence.answer.begin(lease.cachedTokens);
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
      if (tokenCount > 1) {
        this.#noteContent(sequence);
      }
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
    sequence.cachedTokens = 0; // what its slot holds now is not known
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
      this.#noteContent(sequence);
      this.#slots.release(sequence.slot);
      sequence.slot = undefined;
    }
    this.#running = this.#running.filter((other) => other !== sequence);
  }

  #noteContent(sequence: Sequence): void {
    if (sequence.slot !== undefined) {
      this.#slots.update(sequence.slot, cachedKeys(sequence));
    }
  }
}
