import { mediaParts } from "@qwen3-vl/shared/chat";
import type { ChatRequest } from "@qwen3-vl/shared/chat";
import { ApiError } from "@qwen3-vl/shared/errors";

import { timestampText } from "../prompt/clip-timestamps.ts";
import type { ClipMedium } from "../prompt/prompt-media.ts";
import type { PromptThread } from "../prompt/prompt-thread.ts";
import type { Tokenizer } from "../prompt/tokenizer.ts";
import type { ClipPlan } from "../vision/clip-plan.ts";
import { tokensOf } from "../vision/grid.ts";
import type { SizedMedium } from "./media-fit.ts";
import type { RequestMedia } from "./request-media.ts";

export interface ContextParts {
  media: RequestMedia;
  prompts: PromptThread;
  tokenizer: Tokenizer;
  /** Tokens of a prompt and its answer. */
  contextTokens: number;
}

/** A request but for its clip. */
export interface RestOfRequest {
  request: ChatRequest;
  clipPath: string;
  /** Its other media. */
  others: readonly SizedMedium[];
  answerTokens: number;
}

/** Each frame pair stands between two tokens, behind its time. */
const PAIR_TOKENS = 2;

/** What the context and the memory hold of a clip beside the rest of its request. */
export class ClipBudget {
  readonly #rest: RestOfRequest;
  readonly #context: ContextParts;
  /** Tokens of times by how they are written: every digit is a token of its own. */
  readonly #timeTokens = new Map<string, number>();
  #tokens = 0;

  private constructor(rest: RestOfRequest, context: ContextParts) {
    this.#rest = rest;
    this.#context = context;
  }

  /** @throws ApiError when nothing is left for a clip */
  static async of(rest: RestOfRequest, context: ContextParts): Promise<ClipBudget> {
    const { request, others, answerTokens } = rest;
    const { media, prompts, contextTokens } = context;
    const budget = new ClipBudget(rest, context);
    const smallest = smallestClip(media.mergeSize);
    const prompt = await prompts.write(
      request,
      mediaParts(request).map(
        (part) => others.find(({ path }) => path === part.path)?.prompt ?? smallest,
      ),
    );
    const restTokens = prompt.tokenIds.length - budget.#tokensOf(smallest);
    budget.#tokens = contextTokens - restTokens - answerTokens;
    if (budget.#tokens <= 0) {
      throw new ApiError(
        "context_length_exceeded",
        `The prompt without its clip has ${restTokens} tokens; with an answer of ${answerTokens} nothing of the context of ${contextTokens} is left for a clip.`,
        { param: "messages" },
      );
    }
    return budget;
  }

  /**
   * Why there is no room for a clip of this plan.
   *
   * @param spareTokens that are to be left beside it
   */
  misfit({ grid, timestamps }: ClipPlan, spareTokens = 0): ApiError | undefined {
    const { clipPath: path, others, answerTokens } = this.#rest;
    const { media, contextTokens } = this.#context;
    const prompt = { grid, timestamps };
    const tokens = this.#tokensOf(prompt);
    const most = this.#tokens - spareTokens;
    return tokens > most
      ? new ApiError(
          "context_length_exceeded",
          `it has ${tokens} tokens, expected at most ${most}: the context has ${contextTokens}, and the answer ${answerTokens} of them`,
          { param: path },
        )
      : media.misfit([...others, { path, prompt, features: undefined }]);
  }

  /** In a prompt, with the times of its frames. */
  #tokensOf({ grid, timestamps }: ClipMedium): number {
    const ofTimes = timestamps.reduce((sum, time) => sum + PAIR_TOKENS + this.#ofTime(time), 0);
    return ofTimes + tokensOf(grid, this.#context.media.mergeSize);
  }

  #ofTime(timestamp: string): number {
    const form = timestamp.replaceAll(/\d/g, "0");
    const known = this.#timeTokens.get(form);
    const tokens = known ?? this.#context.tokenizer.encodeText(timestampText(timestamp)).length;
    this.#timeTokens.set(form, tokens);
    return tokens;
  }
}

/** One frame pair of one token. */
function smallestClip(mergeSize: number): ClipMedium {
  return { grid: { t: 1, h: mergeSize, w: mergeSize }, timestamps: ["0.0"] };
}
