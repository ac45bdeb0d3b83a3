/** What a slot's KV cache holds, as far as it may be shared. */
export interface SlotContent {
  /** Whose it is; only the same tenant's requests may share it, so nobody can probe another's prompts. */
  tenant: string;
  /** One key for each token: equal keys up to a place mean equal keys and values up to there. */
  keys: readonly number[];
}

/** A slot for a sequence, and how to prepare it. */
export interface SlotLease {
  slot: number;
  /** Tokens at the beginning that need not be run. */
  cachedTokens: number;
  /** The slot that holds them, when it is another one. */
  copyFrom: number | undefined;
  /** Slots whose content is given up for the memory. */
  evicted: readonly number[];
}

interface Slot {
  content: SlotContent;
  /** Tokens for which memory is set aside: all a running sequence may reach, or what a free slot keeps. */
  tokens: number;
  isRunning: boolean;
  /** Counts up with each use; the lowest is given up first. */
  lastUse: number;
}

const EMPTY: SlotContent = { tenant: "", keys: [] };

/** A shorter common beginning saves less than the copy costs. */
const MIN_SHARED_TOKENS = 16;

/**
 * Who holds which KV slot, and what free slots still hold. A sequence gets memory for all it may reach
 * before it runs, so a running sequence never runs out; what ended ones left is given up, the oldest
 * first, when the memory is needed.
 */
export class SlotTable {
  readonly #slots: Slot[];
  readonly #budgetTokens: number;
  #uses = 0;

  /** @param budgetTokens tokens that all slots together may hold */
  constructor(slots: number, budgetTokens: number) {
    this.#budgetTokens = budgetTokens;
    this.#slots = Array.from({ length: slots }, () => ({
      content: EMPTY,
      tokens: 0,
      isRunning: false,
      lastUse: 0,
    }));
  }

  get freeCount(): number {
    return this.#slots.filter(({ isRunning }) => !isRunning).length;
  }

  /** Share of the budget that running sequences have set aside, 0 to 1. */
  get usage(): number {
    return this.#runningTokens() / this.#budgetTokens;
  }

  /**
   * A slot for a sequence that begins with `content` and may reach `tokens`; undefined while there is
   * no free slot or not enough memory.
   */
  lease(content: SlotContent, tokens: number): SlotLease | undefined {
    if (this.freeCount === 0 || this.#runningTokens() + tokens > this.#budgetTokens) {
      return undefined;
    }
    const source = this.#bestSource(content);
    const slot = this.#target(source, tokens);
    const evicted = this.#makeRoom(tokens, slot, source?.slot);
    const cachedTokens = source?.shared ?? 0;
    this.#set(slot, {
      content: { tenant: content.tenant, keys: content.keys.slice(0, cachedTokens) },
      tokens,
      isRunning: true,
    });
    const copyFrom = source === undefined || source.slot === slot ? undefined : source.slot;
    return { slot, cachedTokens, copyFrom, evicted };
  }

  /** Takes note of what a running slot holds by now, so that others may share it. */
  update(slot: number, keys: readonly number[]): void {
    const { content } = this.#at(slot);
    this.#at(slot).content = { tenant: content.tenant, keys };
  }

  /** The sequence has ended; its slot is free and keeps what it holds. */
  release(slot: number): void {
    const { content, isRunning } = this.#at(slot);
    if (!isRunning) {
      throw new Error(`KV slot ${slot} is free already`);
    }
    this.#set(slot, { content, tokens: content.keys.length, isRunning: false });
  }

  #bestSource(content: SlotContent): { slot: number; shared: number } | undefined {
    let best: { slot: number; shared: number } | undefined;
    for (const [slot, { content: held }] of this.#slots.entries()) {
      const isOwn = held.tenant === content.tenant;
      // The last token always runs: its logits choose the first token of the answer.
      const shared = isOwn ? commonLength(held.keys, content.keys.slice(0, -1)) : 0;
      if (shared >= MIN_SHARED_TOKENS && shared > (best?.shared ?? 0)) {
        best = { slot, shared };
      }
    }
    return best;
  }

  /**
   * Goes on in the slot that holds the beginning where that gives up less than half of what it holds,
   * or where there is no memory for both; else the slot stays as it is for others, and the beginning
   * is copied to the free slot used longest ago.
   */
  #target(source: { slot: number; shared: number } | undefined, tokens: number): number {
    const oldest = this.#freeByAge().find((slot) => slot !== source?.slot) ?? source?.slot;
    if (oldest === undefined) {
      throw new Error("no KV slot is free");
    }
    if (source === undefined) {
      return oldest;
    }
    const { isRunning, content, tokens: held } = this.#at(source.slot);
    const wouldNotFit = this.#runningTokens() + tokens + held > this.#budgetTokens;
    const givesUpLittle = source.shared * 2 > content.keys.length;
    return !isRunning && (givesUpLittle || wouldNotFit) ? source.slot : oldest;
  }

  /** Gives up what free slots hold, the oldest first and the source last, until `tokens` more fit. */
  #makeRoom(tokens: number, target: number, source: number | undefined): number[] {
    const evicted: number[] = [];
    const candidates = this.#freeByAge().filter((slot) => slot !== target && slot !== source);
    let held = this.#slots.reduce(
      (sum, slot, index) => sum + (index === target ? 0 : slot.tokens),
      tokens,
    );
    for (const slot of candidates) {
      if (held <= this.#budgetTokens) {
        break;
      }
      held -= this.#at(slot).tokens;
      evicted.push(slot);
      this.#set(slot, { content: EMPTY, tokens: 0, isRunning: false });
    }
    return evicted;
  }

  #freeByAge(): number[] {
    return [...this.#slots.keys()]
      .filter((slot) => !this.#at(slot).isRunning)
      .toSorted((a, b) => this.#at(a).lastUse - this.#at(b).lastUse || a - b);
  }

  #runningTokens(): number {
    return this.#slots.reduce((sum, { isRunning, tokens }) => sum + (isRunning ? tokens : 0), 0);
  }

  #set(slot: number, state: Omit<Slot, "lastUse">): void {
    this.#slots[slot] = { ...state, lastUse: ++this.#uses };
  }

  #at(slot: number): Slot {
    const state = this.#slots[slot];
    if (state === undefined) {
      throw new RangeError(`no KV slot ${slot} among ${this.#slots.length}`);
    }
    return state;
  }
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    if (a[index] !== b[index]) {
      return index;
    }
  }
  return length;
}
