import type { ChatRequest } from "@qwen3-vl/shared/chat";

/** How the next token is chosen. Neutral: temperature 1, topK 0, topP 1, minP 0, penalties 0, 0, 1. */
export interface SamplingSettings {
  /** 0 takes the most probable token; penalties still apply. */
  temperature: number;
  /** Tokens kept, most probable first; 0 keeps all. */
  topK: number;
  /** Mass kept, 0 < topP ≤ 1: the fewest tokens that reach it. */
  topP: number;
  /** Probability kept, relative to that of the most probable token. */
  minP: number;
  /** Taken from the logit of each token of the answer so far, once. */
  presencePenalty: number;
  /** Taken from the logit of each token of the answer so far, as often as it occurs. */
  frequencyPenalty: number;
  /** Divides positive and multiplies negative logits of tokens in prompt and answer. */
  repetitionPenalty: number;
  /** The same seed gives the same answer; without one each answer differs. */
  seed?: number | undefined;
}

/** What the checkpoint's `generation_config.json` recommends. */
export interface SamplingDefaults {
  doSample: boolean;
  temperature: number | undefined;
  topK: number | undefined;
  topP: number | undefined;
  minP: number | undefined;
  repetitionPenalty: number | undefined;
}

export type SamplingFields = Pick<
  ChatRequest,
  | "temperature"
  | "top_k"
  | "top_p"
  | "min_p"
  | "presence_penalty"
  | "frequency_penalty"
  | "repetition_penalty"
  | "seed"
>;

/** The request's fields count first, then the checkpoint's, then the neutral values. */
export function samplingSettings(
  request: SamplingFields,
  defaults: SamplingDefaults,
): SamplingSettings {
  const defaultTemperature = defaults.doSample ? (defaults.temperature ?? 1) : 0;
  return {
    temperature: request.temperature ?? defaultTemperature,
    topK: Math.max(0, request.top_k ?? defaults.topK ?? 0), // -1 means off, as in vLLM
    topP: request.top_p ?? defaults.topP ?? 1,
    minP: request.min_p ?? defaults.minP ?? 0,
    presencePenalty: request.presence_penalty ?? 0,
    frequencyPenalty: request.frequency_penalty ?? 0,
    repetitionPenalty: request.repetition_penalty ?? defaults.repetitionPenalty ?? 1,
    seed: request.seed,
  };
}
