import { parseChatRequest } from "@qwen3-vl/shared/chat";
import { describe, expect, it } from "vitest";

import { shapesTokenizer } from "../prompt/test-checkpoint.ts";
import { endTokenIds, tokenRules } from "./token-rules.ts";

const tokenizer = shapesTokenizer();
const generation = { eosTokenIds: [1518, 1516] };

const context = { tokenizer, generation, maxTokens: 100, badWordIds: [] };

function requestOf(fields: object) {
  return parseChatRequest({ model: "m", messages: [{ role: "user", content: "hi" }], ...fields });
}

/** Tokens that these fields forbid after others. */
function forbidden(
  fields: object,
  outputIds: readonly number[] = [],
  badWordIds: readonly (readonly number[])[] = [],
): number[] {
  const logits = new Float32Array(tokenizer.vocabSize);
  for (const rule of tokenRules(requestOf(fields), { ...context, badWordIds })) {
    rule.apply(logits, outputIds);
  }
  return [...logits.keys()].filter((id) => logits[id] === Number.NEGATIVE_INFINITY);
}

describe("tokenRules", () => {
  it("are none where a request asks for none", () => {
    expect(tokenRules(requestOf({}), context)).toEqual([]);
  });

  it("forbid what would complete a bad word", () => {
    expect(forbidden({}, [7], [[7, 8], [9]])).toEqual([8, 9]);
  });

  it("forbid the end until the least length, by the checkpoint's tokens and the request's", () => {
    const fields = { min_tokens: 2, stop_token_ids: [5], ignore_eos: true };
    expect(forbidden(fields, [1])).toEqual([5, 1516, 1518]);
    expect(forbidden(fields, [1, 1])).toEqual([]);
  });

  it("let no bias undo what is forbidden", () => {
    const allowed = forbidden({ allowed_token_ids: [5, 6], logit_bias: { 7: 100 } });
    expect(allowed).toHaveLength(tokenizer.vocabSize - 2);
    expect(allowed).toContain(7);
  });
});

describe("endTokenIds", () => {
  it("are the checkpoint's unless ignored, and the request's", () => {
    expect([...endTokenIds(requestOf({ stop_token_ids: [5] }), generation)]).toEqual([
      1518, 1516, 5,
    ]);
    const ignoring = requestOf({ stop_token_ids: [5], ignore_eos: true });
    expect([...endTokenIds(ignoring, generation)]).toEqual([5]);
  });
});
