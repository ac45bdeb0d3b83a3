import type { Answer } from "./answer.ts";
import type { EngineObserver } from "./engine-observer.ts";
import type { EngineSnapshot } from "./engine-snapshot.ts";
import { givingWay } from "./giving-way.ts";
import { BLOCK_TOKENS, tokensToLend } from "./memory-lease.ts";
import type { Model } from "./model.ts";
import { appendOutput, lengthOf, modelRow } from "./sequence.ts";
import type { Sequence } from "./sequence.ts";
import { SlotTable } from "./slot-table.ts";
import type { SlotLease } from "./slot-table.ts";
import { StepPace } from "./step-pace.ts";
import { planStep } from "./step-plan.ts";
import type { StepLimits, StepRow } from "./step-plan.ts";
import { insertByTurn, turnOf } from "./turn.ts";

export interface EngineOptions extends StepLimits {
  observer?: EngineObserver;
  /** Milliseconds that a step may take while answers run, which narrows `prefillChunk`; no bound without it. */
  maxStallMs?: number;
  /** Tokens that memory is lent for at a time. */
  blockTokens?: number;
  /** Milliseconds that never run backwards. */
  now?: () => number;
}

/** The continuous-batching loop. Only a step touches the batch, one step at a time. */
export class Engine {
  readonly #model: Model;
  readonly #options: EngineOptions;
  readonly #observer: EngineObserver;
  readonly #now: () => number;
  readonly #slots: SlotTable;
  readonly #pace: StepPace;
  /** Both in the order of their turns. */
  readonly #waiting: Sequence[] = [];
  readonly #running: Sequence[] = [];
  readonly #aborted = new Set<Sequence>();
  /** Answers with a token that their readers do not know of yet. */
  readonly #untold: Answer[] = [];
  readonly #counts = { preemptions: 0, promptTokens: 0, sharedTokens: 0 };
  #loop: Promise<void> | undefined;

  constructor(model: Model, options: EngineOptions) {
    this.#model = model;
    this.#options = options;
    this.#observer = options.observer ?? {};
    this.#now = options.now ?? (() => performance.now());
    this.#pace = new StepPace(options.maxStallMs ?? Infinity);
    this.#slots = new SlotTable(model.slots, model.tokenBudget);
  }

  /**
   * Queues a sequence; its answer tells what becomes of it.
   *
   * @throws RangeError when it could outgrow a slot, or would wait forever for memory
   */
  submit(sequence: Sequence): void {
    const { maxLength, prompt, priority } = sequence;
    const longest = Math.min(this.#model.slotCapacity, this.#model.tokenBudget);
    if (prompt.tokenIds.length === 0 || maxLength > longest) {
      throw new RangeError(
        `sequence ${sequence.id}: expected a prompt and at most ${longest} tokens, got ${prompt.tokenIds.length} growing to ${maxLength}`,
      );
    }
    sequence.submittedMs = this.#now();
    sequence.turn = turnOf(sequence.submittedMs, priority);
    insertByTurn(this.#waiting, sequence);
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
      waiting: this.#waiting.map(({ id, turn }) => ({ id, turn })),
      running: this.#running.map((sequence) => {
        const { id, slot, cachedTokens, turn } = sequence;
        const lentTokens = slot === undefined ? 0 : this.#slots.lentTo(slot);
        return { id, slot, cachedTokens, turn, length: lengthOf(sequence), lentTokens };
      }),
      freeSlots: this.#slots.freeCount,
      slots: this.#model.slots,
      tokenBudget: this.#model.tokenBudget,
      heldTokens: this.#slots.heldTokens,
      kvUsage: this.#slots.usage,
      ...this.#counts,
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

  /**
   * What the last step brought is told while this one runs: making events of it and writing them takes
   * no time of the model's. The last step tells at once.
   */
  async #step(): Promise<void> {
    this.#dropAborted();
    this.#growRunning();
    this.#admit();
    const rows = planStep(this.#running, this.#stepLimits());
    if (rows.length > 0) {
      await this.#run(rows);
    }
    if (this.#running.length + this.#waiting.length === 0) {
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
      const logits = await forward;
      await constraintsOf(rows);
      this.#commit(rows, logits);
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

  /** Memory for the next token of each, in the order of turns; where there is none, the last in line gives way. */
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
    this.#leave(sequence);
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
      lentTokens: other.slot === undefined ? 0 : this.#slots.lentTo(other.slot),
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

  #noteStart({ answer, prompt, cachedTokens, submittedMs }: Sequence): void {
    if (answer.hasBegun) {
      return; // it gave way and comes back
    }
    answer.begin(cachedTokens);
    this.#counts.promptTokens += prompt.tokenIds.length;
    this.#counts.sharedTokens += cachedTokens;
    this.#observer.started?.(this.#now() - submittedMs);
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
      if (sequence.slot !== undefined) {
        this.#slots.update(sequence.slot, sequence.cachedTokens);
      }
      const rowLogits = logits[index];
      if (rowLogits !== undefined) {
        this.#push(sequence, rowLogits);
      } // else a chunk that did not reach the end of the prompt, or a token that comes back
    }
  }

  /** Sampling may refuse one sequence's logits; the others of the step go on. */
  #push(sequence: Sequence, logits: Float32Array): void {
    try {
      const { tokenId, finished } = sequence.answer.push(logits);
      appendOutput(sequence, tokenId);
      this.#untold.push(sequence.answer);
      if (finished) {
        this.#leave(sequence);
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
    if (sequence.slot !== undefined) {
      this.#slots.update(sequence.slot, 0); // what it holds now is not known
    }
    this.#leave(sequence);
  }

  #dropAborted(): void {
    for (const sequence of this.#aborted) {
      remove(this.#waiting, sequence);
      this.#leave(sequence);
    }
    this.#aborted.clear();
  }

  /** Its slot is free from now on and keeps what it holds. */
  #leave(sequence: Sequence): void {
    if (sequence.slot !== undefined) {
      this.#slots.release(sequence.slot);
      sequence.slot = undefined;
    }
    remove(this.#running, sequence);
  }

  #clear(slots: readonly number[]): void {
    for (const slot of slots) {
      this.#model.clearSlot(slot);
    }
  }
}

/** Waits for the rules of tokens that are worked out beside the model. */
async function constraintsOf(rows: readonly StepRow[]): Promise<void> {
  for (const { sequence } of rows) {
    if (sequence.answer.isConstrained) {
      await sequence.answer.ready();
    }
  }
}

function remove(sequences: Sequence[], sequence: Sequence): void {
  const index = sequences.indexOf(sequence);
  if (index !== -1) {
    sequences.splice(index, 1);
  }
}
