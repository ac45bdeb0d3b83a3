import type { Priority } from "@qwen3-vl/shared/worker-protocol";

import type { TokenDecoder } from "./answer-text.ts";
import { Answer } from "./answer.ts";
import type { AnswerEvent, AnswerOptions } from "./answer.ts";
import type { EngineSnapshot } from "./engine-snapshot.ts";
import type { Model, ModelRow, PatchedMedium, VisionFeatures } from "./model.ts";
import { Sampler } from "./sampler.ts";
import type { SamplingSettings } from "./sampling-settings.ts";
import { createSequence } from "./sequence.ts";
import type { Sequence } from "./sequence.ts";
import { StopStringFilter } from "./stop-strings.ts";
import { Thought } from "./thought.ts";

export const GREEDY: SamplingSettings = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
};

/** Each token is one letter: 0 is a. */
export const letters: TokenDecoder = {
  push: (tokenId) => String.fromCharCode(97 + tokenId),
  flush: () => "",
};

export function answerOptions(options: Partial<AnswerOptions> & { stops?: string[] } = {}) {
  const { stops = [], ...rest } = options;
  return {
    sampler: new Sampler(GREEDY, []),
    decoder: letters,
    thought: new Thought(undefined, false),
    stopStrings: new StopStringFilter(stops),
    endTokenIds: new Set<number>(),
    maxTokens: 4,
    ...rest,
  } satisfies AnswerOptions;
}

export function sequenceOf(
  id: string,
  tokenIds: readonly number[],
  options: Partial<AnswerOptions> & { stops?: string[]; priority?: Priority } = {},
): Sequence {
  const { priority = "interactive", ...answer } = options;
  const { length } = tokenIds;
  const complete = answerOptions(answer);
  return createSequence({
    id,
    priority,
    prompt: {
      tokenIds: Int32Array.from(tokenIds),
      positions: Int32Array.from({ length: 3 * length }, (_, index) => index % length),
      ropeDelta: 0,
      vision: undefined,
    },
    tenant: "",
    keys: [...tokenIds],
    answer: new Answer(complete),
    maxLength: length + complete.maxTokens,
  });
}

/** Of an engine of eight slots at rest. */
export function snapshotOf(snapshot: Partial<EngineSnapshot> = {}): EngineSnapshot {
  return {
    waiting: [],
    running: [],
    freeSlots: 8,
    slots: 8,
    tokenBudget: 1000,
    heldTokens: 0,
    kvUsage: 0,
    preemptions: 0,
    promptTokens: 0,
    sharedTokens: 0,
    ...snapshot,
  };
}

const VOCABULARY = 26;

/** The token that `SumModel` gives after these: any token lost or mixed up changes the answer. */
function nextToken(tokenIds: readonly number[]): number {
  return tokenIds.reduce((sum, id, index) => sum + (index + 1) * (id + 1), 0) % VOCABULARY;
}

/** What greedy decoding of `SumModel` answers, as `letters` write it. */
export function expectedText(prompt: readonly number[], count: number): string {
  return expectedAnswer(prompt, count)
    .map((tokenId) => letters.push(tokenId))
    .join("");
}

/** What greedy decoding of `SumModel` answers. */
export function expectedAnswer(prompt: readonly number[], count: number): number[] {
  const tokens = [...prompt];
  for (let index = 0; index < count; index++) {
    tokens.push(nextToken(tokens));
  }
  return tokens.slice(prompt.length);
}

/** A model whose cache is the tokens themselves; it holds its caller to the contract of `Model`. */
export class SumModel implements Model {
  readonly slots: number;
  readonly slotCapacity: number;
  readonly tokenBudget: number;
  /** Rows of each step as `slot: tokens`. */
  readonly steps: string[][] = [];
  readonly #cache: number[][];
  /** Of the last step, lost with the next. */
  #logits: readonly (Float32Array | undefined)[] = [];

  constructor(slots: number, tokenBudget = slots * 64, slotCapacity = 64) {
    this.slots = slots;
    this.slotCapacity = slotCapacity;
    this.tokenBudget = tokenBudget;
    this.#cache = Array.from({ length: slots }, () => []);
  }

  encode(_medium: PatchedMedium): Promise<VisionFeatures> {
    return Promise.resolve({ embeddings: new Float32Array(), deepstack: [] });
  }

  copyPrefix(from: number, to: number, tokens: number): void {
    this.#cache[to] = (this.#cache[from] ?? []).slice(0, tokens);
  }

  clearSlot(slot: number): void {
    this.#cache[slot] = [];
  }

  async forward(rows: readonly ModelRow[]): Promise<readonly (Float32Array | undefined)[]> {
    await new Promise(setImmediate); // as a native run: the event loop turns
    this.steps.push(rows.map(({ slot, tokenIds }) => `${slot}: ${tokenIds.join(" ")}`));
    if (new Set(rows.map(({ slot }) => slot)).size !== rows.length) {
      throw new Error("two rows of one slot");
    }
    for (const logits of this.#logits) {
      logits?.fill(Number.NaN);
    }
    this.#logits = rows.map((row) => this.#run(row));
    return this.#logits;
  }

  #run({ slot, cachedTokens, tokenIds, wantsLogits }: ModelRow): Float32Array | undefined {
    const held = this.#cache[slot] ?? [];
    if (cachedTokens > held.length) {
      throw new Error(`slot ${slot} holds ${held.length} tokens, the row says ${cachedTokens}`);
    }
    const tokens = [...held.slice(0, cachedTokens), ...tokenIds];
    this.#cache[slot] = tokens;
    return wantsLogits ? oneHot(nextToken(tokens)) : undefined;
  }
}

export function oneHot(tokenId: number): Float32Array {
  const logits = new Float32Array(VOCABULARY);
  logits[tokenId] = 1;
  return logits;
}

/** All events of an answer, to its end or failure. */
export async function eventsOf<Event extends AnswerEvent>(
  events: AsyncIterable<Event>,
): Promise<Event[]> {
  const all: Event[] = [];
  for await (const event of events) {
    all.push(event);
  }
  return all;
}

export async function textOf(events: AsyncIterable<AnswerEvent>): Promise<string> {
  return (await eventsOf(events)).map(({ text }) => text).join("");
}
