import { parseChatRequest } from "@qwen3-vl/shared/chat";
import { describe, expect, it } from "vitest";

import { estimateAmounts } from "./estimate-amounts.ts";

/** As far as a PNG's header tells it. */
function png(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return bytes;
}

function request(content: unknown, fields: object = {}) {
  return parseChatRequest({ model: "vl", messages: [{ role: "user", content }], ...fields });
}

const image = (url: string) => ({ type: "image_url", image_url: { url } });

describe("estimateAmounts", () => {
  it("takes no text for shorter than its bytes", () => {
    const { promptTokens } = estimateAmounts(request("🧺".repeat(100)), []);
    expect(promptTokens).toBeGreaterThan(400);
    expect(promptTokens).toBeLessThan(500);
  });

  it("multiplies the answer by the choices, and tells whether anything bounds it", () => {
    expect(estimateAmounts(request("x", { max_tokens: 30, n: 4 }), [])).toMatchObject({
      completionTokens: 120,
      isOpenEnded: false,
    });
    expect(estimateAmounts(request("x"), [])).toMatchObject({ isOpenEnded: true });
  });

  it("counts a picture by its sides, as often as it is shown, and its URL not at all", () => {
    const url = `data:image/png;base64,${"A".repeat(40_000)}`;
    const media = [{ url, type: "image/png" as const, bytes: png(640, 320) }];
    const once = estimateAmounts(request([image(url)]), media);
    expect(once).toMatchObject({ pixels: 204_800, frames: 0, videoMs: 0 });
    expect(once.promptTokens).toBeGreaterThan(200); // 20 x 10 of 32 pixels
    expect(once.promptTokens).toBeLessThan(500);
    const twice = estimateAmounts(request([image(url), image(url)]), media);
    expect(twice.pixels).toBe(2 * 204_800);
  });

  it("counts a list of frames by its rate", () => {
    const urls = Array.from({ length: 10 }, (_, index) => `https://example.com/${index}.png`);
    const part = { type: "video", video: urls, sample_fps: 5 };
    expect(estimateAmounts(request([part]), [])).toMatchObject({ frames: 10, videoMs: 2000 });
  });

  it("leaves open what it has not seen", () => {
    const url = "https://example.com/clip.mp4";
    const part = { type: "video_url", video_url: { url } };
    const media = [{ url, type: "video/mp4" as const }];
    expect(estimateAmounts(request([part]), media)).toMatchObject({ frames: 0, videoMs: 0 });
    expect(estimateAmounts(request([{ ...part, nframes: 8 }]), media)).toMatchObject({ frames: 8 });
  });
});
