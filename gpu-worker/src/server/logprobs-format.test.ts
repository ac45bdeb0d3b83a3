import { expect, it } from "vitest";

import { shapesTokenizer } from "../prompt/test-checkpoint.ts";
import { logprobsFormat } from "./logprobs-format.ts";

const tokenizer = shapesTokenizer();
const format = logprobsFormat(tokenizer);

it("tells tokens by text and bytes, parts of a character and control tokens too", () => {
  const heart = tokenizer.idOf("Ġheart") ?? -1;
  const [part = -1] = tokenizer.encodePlain("😀");
  const end = tokenizer.idOf("<|im_end|>") ?? -1;
  const none = { top: [] };
  const { content, refusal } = format([
    { tokenId: heart, logprob: -0.5, top: [{ tokenId: end, logprob: Number.NEGATIVE_INFINITY }] },
    { tokenId: part, logprob: 0, ...none },
    { tokenId: end, logprob: -1, ...none },
  ]);
  expect(refusal).toBeNull();
  expect(content[0]).toEqual({
    token: " heart",
    logprob: -0.5,
    bytes: [...Buffer.from(" heart")],
    top_logprobs: [{ token: "<|im_end|>", logprob: -9999, bytes: [...Buffer.from("<|im_end|>")] }],
  });
  expect(content[1]).toMatchObject({ token: "\u{FFFD}", bytes: [0xf0] });
  expect(content[2]).toMatchObject({ token: "<|im_end|>", top_logprobs: [] });
});
