import { distribution } from "./distribution.ts";
import type { Distribution } from "./distribution.ts";
import type { LogitsRule } from "./logits-rule.ts";
import { TokenHistory } from "./penalties.ts";
import { seededRandom, unseededRandom } from "./random.ts";
import type { Random } from "./random.ts";
import type { SamplingSettings } from "./sampling-settings.ts";

/** Chooses the tokens of one sequence; its random numbers depend on its own seed and nothing else. */
export class Sampler {
  readonly #settings: SamplingSettings;
  readonly #history: TokenHistory;
  readonly #random: Random;
  readonly #rules: readonly LogitsRule[];
  readonly #outputIds: number[] = [];

  /** @param rules in the order in which they are applied */
  constructor(
    settings: SamplingSettings,
    promptIds: Iterable<number>,
    rules: readonly LogitsRule[] = [],
  ) {
    this.#settings = settings;
    this.#history = new TokenHistory(promptIds);
    this.#random = settings.seed === undefined ? unseededRandom() : seededRandom(settings.seed);
    this.#rules = rules;
  }

  /** The next token for these logits, shape [vocabulary], which stay as they are. */
  sample(logits: Float32Array): number {
    const left = distribution(this.#ruled(logits), this.#settings, this.#history);
    const tokenId = draw(left, this.#random());
    this.#history.add(tokenId);
    this.#outputIds.push(tokenId);
    return tokenId;
  }

  #ruled(logits: Float32Array): Float32Array {
    if (this.#rules.length === 0) {
      return logits;
    }
    const ruled = logits.slice();
    for (const rule of this.#rules) {
      rule.apply(ruled, this.#outputIds);
    }
    return ruled;
  }
}

/** The token in whose share of [0, 1) the number falls. */
function draw({ ids, probabilities }: Distribution, uniform: number): number {
  let below = 0;
  let index = 0;
  for (; index < ids.length - 1; index++) {
    below += probabilities[index] ?? 0;
    if (uniform < below) {
      break;
    }
  }
  return ids[index] ?? 0;
}
