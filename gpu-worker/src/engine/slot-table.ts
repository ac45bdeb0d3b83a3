/** What a slot's KV cache holds, as far as it may be shared. */
export interface SlotContent {
  /** Whose it is; only the same tenant's requests may share it, so nobody can probe another's prompts. */
  tenant: string;
  /**
   * One key for each token: equal keys up to a place mean equal keys and values up to there. May grow
   * at its end.
   */
  keys: readonly number[];
  /** How many of them are the prompt's. */
  promptTokens: number;
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
  /** Tokens of the content that the cache holds. */
  held: number;
  /** Tokens for which memory is set aside: what is lent to a running sequence, or what a free slot keeps. */
  tokens: number;
  isRunning: boolean;
  /** Counts up with each use; the lowest is given up first. */
  lastUse: number;
}

const EMPTY = { content: { tenant: "", keys: [], promptTokens: 0 }, held: 0, tokens: 0 };

/** A shorter common beginning saves less than the copy costs. */
const MIN_SHARED_TOKENS = 16;

/**
 * Who holds which KV slot, and what free slots still hold. A sequence gets memory as it grows; what
 * ended ones left is given up, the oldest first, when the memory is needed.
 */
export class SlotTable {
  readonly #slots: Slot[];
  readonly #budgetTokens: number;
  #uses = 0;

  /** @param budgetTokens tokens that all slots together may hold */
  constructor(slots: number, budgetTokens: number) {
    this.#budgetTokens = budgetTokens;
    this.#slots = Array.from({ length: slots }, () => ({ ...EMPTY, isRunning: false, lastUse: 0 }));
  }

  get freeCount(): number {
    return this.#slots.reduce((count, { isRunning }) => count + (isRunning ? 0 : 1), 0);
  }

  /** Tokens for which running sequences leave memory. */
  get freeTokens(): number {
    return this.#budgetTokens - this.#runningTokens();
  }

  /** Share of the budget that is lent to running sequences, 0 to 1. */
  get usage(): number {
    return this.#runningTokens() / this.#budgetTokens;
  }

  /** Tokens that running sequences and contents of free slots take of the budget. */
  get heldTokens(): number {
    return this.#slots.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  /** Tokens that a running slot has memory for. */
  lentTo(slot: number): number {
    return this.#at(slot).tokens;
  }

  /**
   * A slot for a sequence with this content, and memory for its first `tokens`; undefined while there is
   * no free slot or not enough memory.
   */
  lease(content: SlotContent, tokens: number): SlotLease | undefined {
    if (this.freeCount === 0 || tokens > this.freeTokens) {
      return undefined;
    }
    const source = this.#bestSource(content);
    const slot = this.#target(source, tokens);
    const evicted = this.#makeRoom(tokens, slot, source?.slot);
    const cachedTokens = source?.shared ?? 0;
    this.#set(slot, { content, held: cachedTokens, tokens, isRunning: true });
    const copyFrom = source === undefined || source.slot === slot ? undefined : source.slot;
    return { slot, cachedTokens, copyFrom, evicted };
  }

  /**
   * Memory for `tokens` in all for a running slot.
   *
   * @returns slots whose content is given up for it; undefined where running sequences leave too little
   */
  grow(slot: number, tokens: number): readonly number[] | undefined {
    const state = this.#at(slot);
    if (tokens - state.tokens > this.freeTokens) {
      return undefined;
    }
    const evicted = this.#makeRoom(tokens, slot, undefined);
    state.tokens = tokens;
    return evicted;
  }

  /** Takes note of how much of its content a running slot holds by now, so that others may share it. */
  update(slot: number, held: number): void {
    this.#at(slot).held = held;
  }

  /** The sequence runs no longer; its slot is free and keeps what it holds. */
  release(slot: number): void {
    const { content, held, isRunning } = this.#at(slot);
    if (!isRunning) {
      throw new Error(`KV slot ${slot} is free already`);
    }
    this.#set(slot, { content, held, tokens: held, isRunning: false });
  }

  #bestSource(content: SlotContent): { slot: number; shared: number } | undefined {
    let best: { slot: number; shared: number } | undefined;
    for (const [slot, { content: other, held }] of this.#slots.entries()) {
      const isOwn = other.tenant === content.tenant;
      const shared = isOwn ? reusableTokens(content, other, held) : 0;
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
    const { isRunning, held } = this.#at(source.slot);
    const wouldNotFit = tokens + held > this.freeTokens;
    const givesUpLittle = source.shared * 2 > held;
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
      this.#set(slot, { ...EMPTY, isRunning: false });
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

/**
 * How much of what a slot holds a sequence can go on from. The last token always runs: its logits choose
 * the next one. Two of a prompt do, since a row of one token rounds differently; and generated tokens,
 * which ran one by one, are taken back only from the sequence's own slot, so that its answer does not
 * depend on what became of the slot.
 */
function reusableTokens(content: SlotContent, other: SlotContent, held: number): number {
  if (other === content && held > content.promptTokens) {
    return Math.min(held, content.keys.length - 1);
  }
  return commonLength(other.keys, content.keys, Math.min(held, content.promptTokens - 2));
}

function commonLength(a: readonly number[], b: readonly number[], most: number): number {
  for (let index = 0; index < most; index++) {
    if (a[index] !== b[index]) {
      return index;
    }
  }
  return Math.max(0, most);
}
