import type { LogitsRule } from "./logits-rule.ts";

const FORBIDDEN = Number.NEGATIVE_INFINITY;

/** `allowed_token_ids`: no others. */
export class AllowedTokens implements LogitsRule {
  readonly #ids: Int32Array;
  readonly #logits: Float32Array;

  constructor(ids: Iterable<number>) {
    this.#ids = Int32Array.from(ids);
    this.#logits = new Float32Array(this.#ids.length);
  }

  apply(logits: Float32Array): void {
    for (let place = 0; place < this.#ids.length; place++) {
      this.#logits[place] = logits[this.#ids[place] ?? 0] ?? FORBIDDEN;
    }
    logits.fill(FORBIDDEN);
    for (let place = 0; place < this.#ids.length; place++) {
      logits[this.#ids[place] ?? 0] = this.#logits[place] ?? FORBIDDEN;
    }
  }
}

/** `bad_words`: where the answer ends with all tokens of a word but the last, that one is forbidden. */
export class BadWords implements LogitsRule {
  readonly #words: readonly (readonly number[])[];

  /** @param words token ids of each, at least one */
  constructor(words: readonly (readonly number[])[]) {
    this.#words = words;
  }

  apply(logits: Float32Array, outputIds: readonly number[]): void {
    for (const word of this.#words) {
      const last = word.at(-1);
      if (last !== undefined && last < logits.length && endsWithRest(outputIds, word)) {
        logits[last] = FORBIDDEN;
      }
    }
  }
}

/** Whether the tokens end with all but the last one of the word. */
function endsWithRest(outputIds: readonly number[], word: readonly number[]): boolean {
  const rest = word.length - 1;
  const start = outputIds.length - rest;
  for (let place = 0; place < rest; place++) {
    if (outputIds[start + place] !== word[place]) {
      return false;
    }
  }
  return true;
}

/** `min_tokens`: none that ends the answer before so many. */
export class MinTokens implements LogitsRule {
  readonly #count: number;
  readonly #endIds: readonly number[];

  constructor(count: number, endIds: Iterable<number>) {
    this.#count = count;
    this.#endIds = [...endIds];
  }

  apply(logits: Float32Array, outputIds: readonly number[]): void {
    if (outputIds.length >= this.#count) {
      return;
    }
    for (const id of this.#endIds) {
      if (id < logits.length) {
        logits[id] = FORBIDDEN;
      }
    }
  }
}

/** `logit_bias`: added to each token's logit; what is forbidden stays so. */
export class LogitBias implements LogitsRule {
  readonly #biases: readonly (readonly [id: number, bias: number])[];

  constructor(biases: readonly (readonly [id: number, bias: number])[]) {
    this.#biases = biases;
  }

  apply(logits: Float32Array): void {
    for (const [id, bias] of this.#biases) {
      logits[id] = (logits[id] ?? 0) + bias;
    }
  }
}
