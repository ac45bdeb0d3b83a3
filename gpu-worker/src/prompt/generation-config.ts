import * as z from "zod";

import { parseFile } from "./tokenizer-files.ts";

const tokenId = z.int().min(0);

const GenerationConfigFile = z.object({
  eos_token_id: z.union([tokenId.transform((id) => [id]), z.array(tokenId)]).nullish(),
  do_sample: z.boolean().nullish(),
  temperature: z.number().min(0).nullish(),
  top_k: z.int().min(-1).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().gt(0).nullish(),
});

/** What a checkpoint recommends for generating; undefined where it says nothing. */
export interface GenerationConfig {
  /** Tokens that end an answer; the first is the one that chat templates write. */
  eosTokenIds: readonly number[];
  doSample: boolean;
  temperature: number | undefined;
  topK: number | undefined;
  topP: number | undefined;
  minP: number | undefined;
  repetitionPenalty: number | undefined;
}

/** Parses the text of a checkpoint's `generation_config.json`. */
export function parseGenerationConfig(text: string): GenerationConfig {
  const file = parseFile("generation_config.json", text, GenerationConfigFile);
  return {
    eosTokenIds: file.eos_token_id ?? [],
    doSample: file.do_sample ?? false, // as transformers: not said is greedy
    temperature: file.temperature ?? undefined,
    topK: file.top_k ?? undefined,
    topP: file.top_p ?? undefined,
    minP: file.min_p ?? undefined,
    repetitionPenalty: file.repetition_penalty ?? undefined,
  };
}
