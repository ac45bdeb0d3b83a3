import { expect, it } from "vitest";

import { bytesPerToken, planMemory } from "./memory-plan.ts";
import { readText } from "./prompt/test-checkpoint.ts";
import { parseModelConfig } from "./weights/model-config.ts";

const { text } = parseModelConfig(readText("models/qwen3-vl-shapes/config.json"));

it("counts keys and values of all layers in float32", () => {
  expect(bytesPerToken(text)).toBe(2 * 6 * 2 * 32 * 4);
});

it("holds the whole context where the memory allows it, and less where it does not", () => {
  expect(planMemory(2 ** 30, text)).toMatchObject({ slotCapacity: 4096, featureBytes: 2 ** 27 });
  expect(planMemory(2 ** 21, text).slotCapacity).toBe(Math.floor((2 ** 21 * 7) / 8 / 3072));
});
