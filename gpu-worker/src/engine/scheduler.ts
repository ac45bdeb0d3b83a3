import type { EngineSnapshot } from "./engine-snapshot.ts";
import { givingWay } from "./giving-way.ts";
import { BLOCK_TOKENS, tokensToLend } from "./memory-lease.ts";
import type { Model } from "./model.ts";
import { lengthOf } from "./sequence.ts";
import type { Sequence } from "./sequence.ts";
import { SlotTable } from "./slot-table.ts";
import type { SlotLease } from "./slot-table.ts";
import { insertByTurn, turnOf } from "./turn.ts";

export interface SchedulerOptions {
  /** Tokens that memory is lent for at a time. */
  blockTokens?: number;
  /** Milliseconds that never run backwards. */
  now: () => number;
  /** A sequence runs for the first time, after so long in line. */
  onStart: (waitedMs: number) => void;
}

/** Who runs and who waits, and which slots and how much memory those hold that run. */
export class Scheduler {
  readonly #model: Model;
  readonly #options: SchedulerOptions;
  readonly #slots: SlotTable;
  /** Both in the order of their turns. */
  readonly #waiting: Sequence[] = [];
  readonly #running: Sequence[] = [];
  readonly #counts = { preemptions: 0, promptTokens: 0, sharedTokens: 0 };

  constructor(model: Model, options: SchedulerOptions) {
    this.#model = model;
    this.#options = options;
    this.#slots = new SlotTable(model.slots, model.tokenBudget);
  }

  /** In the order of their turns. */
  get running(): readonly Sequence[] {
    return this.#running;
  }

  get isIdle(): boolean {
    return this.#running.length + this.#waiting.length === 0;
  }

  has(sequence: Sequence): boolean {
    return this.#waiting.includes(sequence) || this.#running.includes(sequence);
  }

  /** @throws RangeError when it could outgrow a slot, or would wait forever for memory */
  add(sequence: Sequence): void {
    const { id, maxLength, prompt, priority } = sequence;
    const longest = Math.min(this.#model.slotCapacity, this.#model.tokenBudget);
    if (prompt.tokenIds.length === 0 || maxLength > longest) {
      throw new RangeError(
        `sequence ${id}: expected a prompt and at most ${longest} tokens, got ${prompt.tokenIds.length} growing to ${maxLength}`,
      );
    }
    sequence.submittedMs = this.#options.now();
    sequence.turn = turnOf(sequence.submittedMs, priority);
    insertByTurn(this.#waiting, sequence);
  }

  /** Before each step: memory for the next token of those that run, then slots for those that wait. */
  schedule(): void {
    this.#growRunning();
    this.#admit();
  }

  /** A running sequence's slot holds so many of its tokens by now. */
  noteCached(sequence: Sequence, cachedTokens: number): void {
    sequence.cachedTokens = cachedTokens;
    if (sequence.slot !== undefined) {
      this.#slots.update(sequence.slot, cachedTokens);
    }
  }

  /** A sequence ends: its slot is free from now on and keeps what it holds. */
  remove(sequence: Sequence): void {
    removeFrom(this.#waiting, sequence);
    this.#stop(sequence);
  }

  /** A sequence ends, and what its slot holds is not known. */
  removeFailed(sequence: Sequence): void {
    this.noteCached(sequence, 0);
    this.remove(sequence);
  }

  snapshot(): EngineSnapshot {
    return {
      waiting: this.#waiting.map(({ id, turn }) => ({ id, turn })),
      running: this.#running.map((sequence) => {
        const { id, slot, cachedTokens, turn, parkedLogits } = sequence;
        const lentTokens = this.#lentTo(sequence);
        const isParked = parkedLogits !== undefined;
        return { id, slot, cachedTokens, turn, length: lengthOf(sequence), lentTokens, isParked };
      }),
      freeSlots: this.#slots.freeCount,
      slots: this.#model.slots,
      tokenBudget: this.#model.tokenBudget,
      heldTokens: this.#slots.heldTokens,
      kvUsage: this.#slots.usage,
      ...this.#counts,
    };
  }

  /** In the order of turns; where there is no memory, the last in line gives way. */
  #growRunning(): void {
    let index = 0;
    while (index < this.#running.length) {
      const sequence = this.#running[index];
      if (sequence === undefined || this.#hasGrown(sequence)) {
        index++;
      } else {
        this.#giveWay(this.#running.at(-1) ?? sequence);
      }
    }
  }

  /** Whether there is memory for all of a sequence. */
  #hasGrown(sequence: Sequence): boolean {
    const { slot } = sequence;
    if (slot === undefined || lengthOf(sequence) <= this.#slots.lentTo(slot)) {
      return true;
    }
    const evicted = this.#slots.grow(slot, this.#tokensFor(sequence));
    this.#clear(evicted ?? []);
    return evicted !== undefined;
  }

  /** Back into line, at its old place; what it had read is kept while the memory is not needed. */
  #giveWay(sequence: Sequence): void {
    this.#counts.preemptions++;
    this.#stop(sequence);
    sequence.cachedTokens = 0;
    insertByTurn(this.#waiting, sequence);
  }

  /** In the order of turns: one that must wait for memory is not overtaken, or it might wait forever. */
  #admit(): void {
    for (;;) {
      const [sequence] = this.#waiting;
      const lease = sequence && this.#leaseFor(sequence);
      if (sequence === undefined || lease === undefined) {
        return;
      }
      this.#waiting.shift();
      this.#clear(lease.evicted);
      if (lease.copyFrom !== undefined) {
        this.#model.copyPrefix(lease.copyFrom, lease.slot, lease.cachedTokens);
      }
      sequence.slot = lease.slot;
      sequence.cachedTokens = lease.cachedTokens;
      this.#noteStart(sequence);
      insertByTurn(this.#running, sequence);
    }
  }

  #leaseFor(sequence: Sequence): SlotLease | undefined {
    const { content, priority, turn } = sequence;
    const tokens = this.#tokensFor(sequence);
    const running = this.#running.map((other) => ({
      sequence: other,
      priority: other.priority,
      turn: other.turn,
      lentTokens: this.#lentTo(other),
    }));
    const free = { slots: this.#slots.freeCount, tokens: this.#slots.freeTokens };
    for (const leaving of givingWay({ priority, turn, tokens }, running, free)) {
      this.#giveWay(leaving.sequence);
    }
    return this.#slots.lease(content, tokens);
  }

  #tokensFor(sequence: Sequence): number {
    const { blockTokens = BLOCK_TOKENS } = this.#options;
    return tokensToLend(lengthOf(sequence), sequence.maxLength, blockTokens);
  }

  #lentTo({ slot }: Sequence): number {
    return slot === undefined ? 0 : this.#slots.lentTo(slot);
  }

  #noteStart({ answer, prompt, cachedTokens, submittedMs }: Sequence): void {
    if (answer.hasBegun) {
      return; // it gave way and comes back
    }
    answer.begin(cachedTokens);
    this.#counts.promptTokens += prompt.tokenIds.length;
    this.#counts.sharedTokens += cachedTokens;
    this.#options.onStart(this.#options.now() - submittedMs);
  }

  /** A parked one runs its last token again, should it come back. */
  #stop(sequence: Sequence): void {
    if (sequence.slot !== undefined) {
      this.#slots.release(sequence.slot);
      sequence.slot = undefined;
    }
    sequence.parkedLogits = undefined;
    removeFrom(this.#running, sequence);
  }

  #clear(slots: readonly number[]): void {
    for (const slot of slots) {
      this.#model.clearSlot(slot);
    }
  }
}

function removeFrom(sequences: Sequence[], sequence: Sequence): void {
  const index = sequences.indexOf(sequence);
  if (index !== -1) {
    sequences.splice(index, 1);
  }
}
