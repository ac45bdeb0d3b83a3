import { describe, expect, it } from "vitest";

import { bytesPerToken, planMemory } from "./memory-plan.ts";
import { encoderBytes, featureBytes, patchBytes } from "./model/vision-memory.ts";
import { largestRun } from "./model/vision-strips.ts";
import { readText } from "./prompt/test-checkpoint.ts";
import { parseModelConfig } from "./weights/model-config.ts";

const config = parseModelConfig(readText("models/qwen3-vl-shapes/config.json"));

/** The sides of Qwen3-VL-2B. */
const config2B = {
  text: { ...config.text, layers: 28, kvHeads: 8, headDim: 128, maxPositions: 262_144 },
  vision: {
    ...config.vision,
    layers: 24,
    hiddenSize: 1024,
    heads: 16,
    intermediateSize: 4096,
    outHiddenSize: 2048,
  },
  tokens: config.tokens,
};

/** Of the largest picture that published checkpoints take, 16,777,216 pixels. */
const LARGEST = 16_384;

describe("planMemory", () => {
  it("counts keys and values of all layers in float32", () => {
    expect(bytesPerToken(config.text)).toBe(2 * 6 * 2 * 32 * 4);
  });

  it("holds the whole context where the memory allows it, and less where it does not", () => {
    expect(planMemory(2 ** 30, config, 49).slotCapacity).toBe(4096);
    expect(planMemory(2 ** 22, config, 49).slotCapacity).toBeLessThan(1024);
  });

  it.each([2 ** 20, 2 ** 28, 6.5e9, 2 ** 36])("never gives away more than %d bytes", (bytes) => {
    for (const [model, tokens] of [
      [config, 49],
      [config2B, LARGEST],
    ] as const) {
      const plan = planMemory(bytes, model, tokens);
      const kvBytes = plan.tokenBudget * bytesPerToken(model.text);
      const sum = plan.encoderBytes + plan.mediaBytes + plan.featureBytes + kvBytes;
      expect(sum).toBeLessThanOrEqual(bytes);
      expect(sum).toBeGreaterThan(bytes - bytesPerToken(model.text) - 3);
      expect(kvBytes).toBeGreaterThan(bytes / 2 - bytesPerToken(model.text));
    }
  });

  it("leaves to the KV cache what the largest picture does not need", () => {
    const small = planMemory(2 ** 30, config, 49);
    expect(small.encoderBytes).toBe(4 * 196 * (7 * 128 + 64 + 6 * 128 + 5 * 384));
    expect(small.tokenBudget).toBeGreaterThan(planMemory(2 ** 30, config, 490).tokenBudget);
  });

  it("has room for a picture of 16 million pixels at 2B size from 9 GiB on", () => {
    const { vision } = config2B;
    const plan = planMemory(9 * 2 ** 30, config2B, LARGEST);
    expect(encoderBytes(vision, largestRun({ t: 1, h: 256, w: 256 }, 2))).toBeLessThan(
      plan.encoderBytes,
    );
    expect(patchBytes(vision, 65_536) + featureBytes(vision, LARGEST)).toBeLessThan(
      plan.mediaBytes,
    );
    expect(plan.slotCapacity).toBeGreaterThan(LARGEST + 1000);
  });
});
