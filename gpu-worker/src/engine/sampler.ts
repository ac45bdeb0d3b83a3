import { ApiError } from "@qwen3-vl/shared/errors";

import { weighTokens } from "./distribution.ts";
import type { LogitsRule, TokenConstraint } from "./logits-rule.ts";
import { rawLogprobs } from "./logprobs.ts";
import type { RawLogprobs, TokenLogprobs } from "./logprobs.ts";
import { totalOf } from "./nucleus.ts";
import { TokenHistory, penalise, penalises } from "./penalties.ts";
import { seededRandom, unseededRandom } from "./random.ts";
import type { Random } from "./random.ts";
import { SamplingScratch } from "./sampling-scratch.ts";
import type { SamplingSettings } from "./sampling-settings.ts";
import { NoTokenError } from "./top-scores.ts";

export interface SamplerOptions {
  /** Which of the answers that share a seed, from 0. */
  choice?: number;
  /** How many of the most probable tokens are told with each, 0 to 20; absent: no log-probabilities. */
  topLogprobs?: number | undefined;
  /** Shared by all samplers of a thread. */
  scratch?: SamplingScratch;
}

/**
 * Chooses the tokens of one sequence; its random numbers depend on its own seed and nothing else.
 *
 * In vLLM's order: the grammar's mask, then log-probabilities are noted; rules, penalties, temperature,
 * min_p, top_k, top_p.
 */
export class Sampler {
  readonly #settings: SamplingSettings;
  readonly #history: TokenHistory;
  readonly #random: Random;
  readonly #constraints: readonly LogitsRule[];
  readonly #rules: readonly LogitsRule[];
  readonly #topLogprobs: number | undefined;
  readonly #scratch: SamplingScratch;
  readonly #outputIds: number[] = [];
  #logprobs: TokenLogprobs | undefined;

  /** @param rules in the order in which they are applied, a `TokenConstraint` first */
  constructor(
    settings: SamplingSettings,
    promptIds: Iterable<number>,
    rules: readonly LogitsRule[] = [],
    { choice = 0, topLogprobs, scratch = new SamplingScratch() }: SamplerOptions = {},
  ) {
    const { seed, repetitionPenalty } = settings;
    this.#settings = settings;
    this.#history = new TokenHistory(repetitionPenalty === 1 ? [] : promptIds);
    this.#random = seed === undefined ? unseededRandom() : seededRandom(seed, choice);
    this.#constraints = rules.filter(isConstraint);
    this.#rules = rules.filter((rule) => !isConstraint(rule));
    this.#topLogprobs = topLogprobs;
    this.#scratch = scratch;
  }

  /** Of the token that was sampled last, where they are wanted. */
  get logprobs(): TokenLogprobs | undefined {
    return this.#logprobs;
  }

  /** The next token for these logits, shape [vocabulary], which stay as they are. */
  sample(logits: Float32Array): number {
    this.#scratch.fit(logits.length);
    const scores = this.#isChanging ? this.#scratch.scores : logits;
    if (scores !== logits) {
      scores.set(logits);
    }
    this.#apply(this.#constraints, scores);
    const raw = this.#topLogprobs === undefined ? undefined : this.#raw(scores, this.#topLogprobs);
    this.#apply(this.#rules, scores);
    if (penalises(this.#settings)) {
      penalise(scores, this.#settings, this.#history);
    }
    const tokenId = this.#draw(scores);
    // Constraints forbid and shift nothing, so the chosen token's logit is the model's.
    this.#logprobs = raw && {
      tokenId,
      logprob: (logits[tokenId] ?? 0) - raw.logTotal,
      top: raw.top,
    };
    this.#history.add(tokenId);
    this.#outputIds.push(tokenId);
    return tokenId;
  }

  /** Whether logits are changed before tokens are weighed; if not, they need no copy. */
  get #isChanging(): boolean {
    return this.#constraints.length + this.#rules.length > 0 || penalises(this.#settings);
  }

  #apply(rules: readonly LogitsRule[], scores: Float32Array): void {
    for (const rule of rules) {
      rule.apply(scores, this.#outputIds);
    }
  }

  #raw(scores: Float32Array, topLogprobs: number): RawLogprobs {
    return rawLogprobs(scores, topLogprobs, this.#scratch);
  }

  /** The token in whose share of the weights a random number falls. */
  #draw(scores: Float32Array): number {
    const count = this.#weigh(scores);
    const { ids, weights } = this.#scratch;
    const drawn = this.#random() * totalOf(weights, count);
    let below = 0;
    let place = 0;
    for (; place < count - 1; place++) {
      below += weights[place] ?? 0;
      if (drawn < below) {
        break;
      }
    }
    return ids[place] ?? 0;
  }

  #weigh(scores: Float32Array): number {
    try {
      return weighTokens(scores, this.#settings, this.#scratch);
    } catch (error) {
      throw error instanceof NoTokenError && this.#rules.length > 0 ? this.#deadEnd(error) : error;
    }
  }

  #deadEnd(cause: unknown): ApiError {
    return new ApiError(
      "invalid_request",
      `After ${this.#outputIds.length} tokens of the answer, what the request allows and forbids leaves no token to choose.`,
      { param: "allowed_token_ids", cause },
    );
  }
}

function isConstraint(rule: LogitsRule): rule is TokenConstraint {
  return "accept" in rule;
}
