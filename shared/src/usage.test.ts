import { expect, it } from "vitest";

import { Usage, toUsage } from "./usage.ts";

it("adds up in OpenAI's form, where the prompt includes pictures", () => {
  const usage = toUsage({
    prompt: 90,
    cached: 8,
    image: 64,
    video: 2,
    completion: 7,
    reasoning: 3,
  });
  expect(usage).toEqual({
    prompt_tokens: 90,
    completion_tokens: 7,
    total_tokens: 97,
    prompt_tokens_details: { cached_tokens: 8, image_tokens: 64, video_tokens: 2 },
    completion_tokens_details: { reasoning_tokens: 3 },
  });
  expect(Usage.parse(usage)).toEqual(usage);
});
