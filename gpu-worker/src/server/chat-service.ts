import { mediaParts } from "@qwen3-vl/shared/chat";
import type { ChatRequest } from "@qwen3-vl/shared/chat";
import { ApiError } from "@qwen3-vl/shared/errors";
import type { Estimate } from "@qwen3-vl/shared/estimate";
import { sumOfMedia } from "@qwen3-vl/shared/media-figures";
import type { MediaFigures } from "@qwen3-vl/shared/media-figures";
import type { Model } from "@qwen3-vl/shared/models";
import type { SegmentPlan } from "@qwen3-vl/shared/worker-jobs";

import type { GenerationRequest } from "../engine/generator.ts";
import type { LogitsRule } from "../engine/logits-rule.ts";
import { SamplingScratch } from "../engine/sampling-scratch.ts";
import { AnswerForm } from "../grammar/answer-form.ts";
import type { Grammars } from "../grammar/grammars.ts";
import type { OutputParser } from "../output/message-delta.ts";
import type { ChatPrompt } from "../prompt/chat-prompt.ts";
import type { GenerationConfig } from "../prompt/generation-config.ts";
import type { PromptThread } from "../prompt/prompt-thread.ts";
import type { Tokenizer } from "../prompt/tokenizer.ts";
import { answerOptions } from "./answer-options.ts";
import { answerOutputs } from "./answer-outputs.ts";
import { assertThinkingIsAsAsked } from "./answer-thought.ts";
import { logprobsFormat } from "./logprobs-format.ts";
import type { LogprobsFormat } from "./logprobs-format.ts";
import { planSegments } from "./plan-segments.ts";
import type { MediaContext, PlannedMedium, RequestMedia } from "./request-media.ts";
import { tokenRules } from "./token-rules.ts";

export interface ChatServiceOptions {
  model: Model;
  media: RequestMedia;
  prompts: PromptThread;
  grammars: Grammars;
  tokenizer: Tokenizer;
  generation: GenerationConfig;
}

/** A request as a generator takes it; its media's memory is set aside until this is disposed of. */
export interface PreparedChat extends Disposable {
  prompt: ChatPrompt;
  /** Of its pictures and clips together. */
  amount: MediaFigures;
  generation: GenerationRequest;
  /** What makes messages of the answers' texts, one for each choice. */
  outputs: readonly OutputParser[];
  formatLogprobs: LogprobsFormat;
}

/** Told of the frames of a request's clips, as they are sampled. */
export interface DecodingObserver {
  /** How many there are, before the first is decoded. */
  planned: (frames: number) => void;
  /** That so many more are. */
  decoded: (frames: number) => void;
}

/** What of a request is not in its body. */
export type ChatContext = Omit<MediaContext, "processor"> & {
  decoding?: DecodingObserver;
};

interface PlannedChat {
  media: readonly PlannedMedium[];
  prompt: ChatPrompt;
  maxTokens: number;
  rules: readonly LogitsRule[];
  form: AnswerForm;
}

/** From a client's request to what a generator takes: pictures to patches, messages to tokens. */
export class ChatService {
  readonly model: Model;
  readonly #options: ChatServiceOptions;
  /** For all answers: the engine samples one token after another. */
  readonly #scratch = new SamplingScratch();

  constructor(options: ChatServiceOptions) {
    this.model = options.model;
    this.#options = options;
  }

  /**
   * Everything that can be refused is, before the first pixel is decoded.
   *
   * @throws ApiError that names the part at fault, or what of its lengths does not fit
   */
  async prepare(id: string, request: ChatRequest, context: ChatContext): Promise<PreparedChat> {
    const { prompt, media, form, ...plan } = await this.#plan(request, context);
    const amount = sumOfMedia(media.map((medium) => medium.amount));
    context.decoding?.planned(amount.frames);
    const onFrames = context.decoding?.decoded;
    const prepared = await this.#options.media.prepare(media, context, onFrames);
    const { tokenIds, positions, ropeDelta, visionPlaces } = prompt;
    const generation = {
      id,
      tenant: context.tenant,
      priority: context.priority,
      prompt: { tokenIds, positions, ropeDelta },
      media: prepared.media,
      visionPlaces,
      choices: answerOptions(request, prompt, {
        ...this.#options,
        ...plan,
        scratch: this.#scratch,
        constraint: () => form.constraint(prompt),
      }),
    };
    return {
      prompt,
      amount,
      generation,
      outputs: answerOutputs(request, prompt),
      formatLogprobs: logprobsFormat(this.#options.tokenizer),
      [Symbol.dispose]: () => {
        prepared[Symbol.dispose]();
        for (const { constraint } of generation.choices) {
          constraint?.[Symbol.dispose](); // also of answers that were never begun
        }
      },
    };
  }

  /** What `prepare` would find, and refuse, without decoding or running anything. */
  async estimate(request: ChatRequest, context: ChatContext): Promise<Estimate> {
    const { prompt, maxTokens } = await this.#plan(request, context);
    const { tokenIds, imageTokens, videoTokens } = prompt;
    return {
      object: "chat.completion.estimate",
      model: this.model.id,
      prompt_tokens: tokenIds.length,
      prompt_tokens_details: {
        text_tokens: tokenIds.length - imageTokens - videoTokens,
        image_tokens: imageTokens,
        video_tokens: videoTokens,
      },
      max_completion_tokens: maxTokens,
      max_model_len: this.model.max_model_len,
    };
  }

  /** How the one clip of a request is to be cut, so that each part fits. */
  async segments(request: ChatRequest, context: ChatContext): Promise<SegmentPlan> {
    this.#assertModel(request.model);
    const contextTokens = this.model.max_model_len;
    const parts = { ...this.#options, contextTokens };
    return planSegments(request, mediaContextOf(request, context), parts);
  }

  async #plan(request: ChatRequest, context: ChatContext): Promise<PlannedChat> {
    this.#assertModel(request.model);
    const { media: requestMedia, prompts } = this.#options;
    const mediaContext = mediaContextOf(request, context);
    const [form, ...media] = await Promise.all([
      AnswerForm.of(request, this.#options),
      ...mediaParts(request).map((located) => requestMedia.plan(located, mediaContext)),
    ]);
    const prompt = await prompts.write(
      request,
      media.map((medium) => medium.prompt),
    );
    assertThinkingIsAsAsked(request, prompt);
    const maxTokens = this.#maxTokens(request, prompt.tokenIds.length);
    requestMedia.assertFit(media);
    return {
      media,
      prompt,
      maxTokens,
      form,
      rules: tokenRules(request, { ...this.#options, ...prompt, maxTokens }),
    };
  }

  #assertModel(name: string): void {
    if (name !== this.model.id) {
      throw new ApiError(
        "model_not_found",
        `The model ${JSON.stringify(name)} does not exist; this server has ${JSON.stringify(this.model.id)}.`,
        { param: "model" },
      );
    }
  }

  /** What the request asks for, or all that the context leaves. */
  #maxTokens(request: ChatRequest, promptTokens: number): number {
    const context = this.model.max_model_len;
    const room = context - promptTokens;
    const wanted = request.max_completion_tokens ?? request.max_tokens;
    if (room < 1) {
      throw new ApiError(
        "context_length_exceeded",
        `The prompt has ${promptTokens} tokens; with an answer of at least one, at most ${context - 1} fit the context of ${context}.`,
        { param: "messages" },
      );
    }
    if (wanted !== undefined && wanted > room) {
      const param =
        request.max_completion_tokens === undefined ? "max_tokens" : "max_completion_tokens";
      throw new ApiError(
        "context_length_exceeded",
        `${param}: ${wanted} tokens after a prompt of ${promptTokens} exceed the context of ${context}; at most ${room} are left.`,
        { param },
      );
    }
    return wanted ?? room;
  }
}

function mediaContextOf(request: ChatRequest, context: ChatContext): MediaContext {
  return { ...context, processor: request.mm_processor_kwargs ?? {} };
}
