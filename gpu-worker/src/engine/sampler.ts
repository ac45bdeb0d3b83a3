import { distribution } from "./distribution.ts";
import type { Distribution } from "./distribution.ts";
import { TokenHistory } from "./penalties.ts";
import { seededRandom, unseededRandom } from "./random.ts";
import type { Random } from "./random.ts";
import type { SamplingSettings } from "./sampling-settings.ts";

/** Chooses the tokens of one sequence; its random numbers depend on its own seed and nothing else. */
export class Sampler {
  readonly #settings: SamplingSettings;
  readonly #history: TokenHistory;
  readonly #random: Random;

  constructor(settings: SamplingSettings, promptIds: Iterable<number>) {
    this.#settings = settings;
    this.#history = new TokenHistory(promptIds);
    this.#random = settings.seed === undefined ? unseededRandom() : seededRandom(settings.seed);
  }

  /** The next token for these logits, shape [vocabulary], which stay as they are. */
  sample(logits: Float32Array): number {
    const tokenId = draw(distribution(logits, this.#settings, this.#history), this.#random());
    this.#history.add(tokenId);
    return tokenId;
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
