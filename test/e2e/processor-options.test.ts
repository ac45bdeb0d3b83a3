import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { ChatCompletion } from "@qwen3-vl/shared/chat-completion";
import { Estimate } from "@qwen3-vl/shared/estimate";
import OpenAI from "openai";
import { beforeAll, describe, expect, it } from "vitest";

import { MODEL, SCENE, pictureUrl } from "../support/evaluation.ts";
import { sharedSystem } from "../support/shared-system.ts";
import type { SharedSystem } from "../support/shared-system.ts";

/** 320 x 240, five seconds at 30 frames a second. */
const CLIP = resolve(import.meta.dirname, "../golden/data/files/clip-h264-30fps-5s.mp4");
const clipUrl = `data:video/mp4;base64,${readFileSync(CLIP).toString("base64")}`;

const picture = { type: "image_url", image_url: { url: pictureUrl(SCENE) } };
const clip = { type: "video_url", video_url: { url: clipUrl } };
const question = { type: "text", text: "Describe this." };

let system: SharedSystem;
let client: OpenAI;
beforeAll(async () => {
  system = await sharedSystem();
  client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: system.apiKey, maxRetries: 0 });
});

/** Tokens of pictures and clips in a request's usage, which its estimate told before. */
async function visionTokens(part: object, options: object): Promise<number> {
  const body = {
    model: MODEL,
    messages: [{ role: "user", content: [part, question] }],
    max_tokens: 1,
    mm_processor_kwargs: options,
  };
  const estimate = Estimate.parse(await client.post("/chat/completions/estimate", { body }));
  const { usage } = ChatCompletion.parse(await client.post("/chat/completions", { body }));
  const { image_tokens, video_tokens } = usage.prompt_tokens_details;
  expect(estimate).toMatchObject({
    prompt_tokens: usage.prompt_tokens,
    prompt_tokens_details: { image_tokens, video_tokens },
  });
  return image_tokens + video_tokens;
}

// Tokens as transformers 5.23.0 has them with these values (as vLLM hands them to it: min_pixels and
// max_pixels in `size`, the minimum no higher than the maximum), the cap on pixels per frame on.
describe("mm_processor_kwargs", () => {
  it.each([
    [{}, 36],
    [{ max_pixels: 16_384 }, 12],
    [{ size: { longest_edge: "9216", shortest_edge: "1024" } }, 8],
    [{ size: { longest_edge: 16_384 }, max_pixels: 4096 }, 3],
    [{ min_pixels: 40_000 }, 50],
    [{ max_pixels: 1 }, 1],
    [{ fps: 1 }, 36],
    [{}, 36],
  ])("%j gives a picture %i tokens, each time for itself", async (options, tokens) => {
    expect(await visionTokens(picture, options)).toBe(tokens);
  });

  it.each([
    [{}, 175],
    [{ fps: 1 }, 105],
    [{ fps: "0.1" }, 96],
    [{ num_frames: 2 }, 80],
    [{ num_frames: 7 }, 140],
    [{ max_frames: 6, do_sample_frames: true }, 105],
    [{ min_frames: 20 }, 350],
    [{ size: { shortest_edge: 1024, longest_edge: 50_000 } }, 10],
    [{ min_pixels: 1024, max_pixels: 50_000, fps: 1 }, 18],
  ])("%j gives a clip %i tokens", async (options, tokens) => {
    expect(await visionTokens(clip, options)).toBe(tokens);
  });

  it("raises no limit", async () => {
    const high = { max_pixels: 1e8, max_video_tokens: 1e9, max_frames: 1e9 };
    expect(await visionTokens(picture, high)).toBe(36);
    expect(await visionTokens(clip, high)).toBe(175);
    // 256 x 256 for at most 50,176 pixels: sides are rounded up, as the processor does for its own.
    expect(await visionTokens(picture, { min_pixels: 1e8 })).toBeLessThanOrEqual(64);
    expect(await visionTokens(clip, { min_pixels: 1e8, num_frames: 2 })).toBeLessThanOrEqual(192);
  });

  it("takes every frame of a clip only where the checkpoint takes so many", async () => {
    const all = visionTokens(clip, { do_sample_frames: false });
    await expect(all).rejects.toMatchObject({ status: 400, param: "messages.0.content.0" });
    await expect(all).rejects.toThrow("at most 24 frames without sampling");
  });

  it("leaves parts with options of their own to those", async () => {
    const own = { ...clip, nframes: 4, max_pixels: 65_536 };
    const without = await visionTokens(own, {});
    expect(await visionTokens(own, { fps: 1, max_pixels: 1024 })).toBe(without);
  });
});
