import type OpenAI from "openai";
import { expect } from "vitest";

import { MODEL } from "./evaluation.ts";
import type { Messages } from "./evaluation.ts";

/** Fields beside model and messages, those of vLLM included. */
export type Fields = Partial<OpenAI.Chat.ChatCompletionCreateParamsNonStreaming> &
  Record<string, unknown>;
export type Logprob = OpenAI.Chat.ChatCompletionTokenLogprob;

export interface Choice {
  text: string;
  reason: string | null;
  logprobs: readonly Logprob[] | undefined;
}
/** What a client was told. */
export interface Told {
  choices: readonly Choice[];
  completionTokens: number | undefined;
}

type Request = Fields & { messages: Messages };

/** The answers of a request that is not streamed. */
export async function wholeAnswers(client: OpenAI, fields: Request): Promise<Told> {
  const { choices, usage } = await client.chat.completions.create({
    model: MODEL,
    ...fields,
    stream: false,
  });
  return {
    choices: choices.map(({ index, message, logprobs, finish_reason: reason }, place) => {
      expect(index).toBe(place);
      return { text: message.content ?? "", reason, logprobs: logprobs?.content ?? undefined };
    }),
    completionTokens: usage?.completion_tokens,
  };
}

/** The answers of the same request, put together from its chunks. */
export async function streamedAnswers(client: OpenAI, fields: Request): Promise<Told> {
  const chunks = await Array.fromAsync(
    await client.chat.completions.create({
      model: MODEL,
      ...fields,
      stream: true,
      stream_options: { include_usage: true },
    }),
  );
  const parts = chunks.flatMap(({ choices }) => choices);
  return {
    choices: Array.from({ length: fields.n ?? 1 }, (_, choice) => {
      const own = parts.filter(({ index }) => index === choice);
      return {
        text: own.map(({ delta }) => delta.content ?? "").join(""),
        reason: own.at(-1)?.finish_reason ?? null,
        logprobs:
          fields.logprobs === true
            ? own.flatMap(({ logprobs }) => logprobs?.content ?? [])
            : undefined,
      };
    }),
    completionTokens: chunks.at(-1)?.usage?.completion_tokens,
  };
}
