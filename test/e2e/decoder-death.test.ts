import { setTimeout as sleep } from "node:timers/promises";

import { ChatCompletion } from "@qwen3-vl/shared/chat-completion";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { H264_ENCODER, encodeClip } from "../../gpu-worker/src/vision/test-encoded-clips.ts";
import { descendantsOf } from "../support/descendants.ts";
import { MODEL, pictureUrl, SCENE } from "../support/evaluation.ts";
import { startSystem } from "../support/running-system.ts";
import type { RunningSystem } from "../support/running-system.ts";

let system: RunningSystem;
beforeEach(async () => {
  system = await startSystem();
});
afterEach(() => system.stop());

function clipUrl(frames: number): string {
  const clip = encodeClip({
    encoder: H264_ENCODER,
    muxer: "mp4",
    frames,
    width: 640,
    height: 360,
  });
  return `data:video/mp4;base64,${clip.toString("base64")}`;
}

async function post(part: object): Promise<Response> {
  const content = [part, { type: "text", text: "What is shown?" }];
  return fetch(`${system.url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${system.apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      model: MODEL,
      messages: [{ role: "user", content }],
      max_tokens: 4,
    }),
  });
}

const aboutClip = (url: string) => post({ type: "video_url", video_url: { url } });
const aboutPicture = () => post({ type: "image_url", image_url: { url: pictureUrl(SCENE) } });

async function visionTokens(response: Response): Promise<number> {
  const { usage } = ChatCompletion.parse(await response.json());
  return usage.prompt_tokens_details.image_tokens + usage.prompt_tokens_details.video_tokens;
}

/** The decoding processes of the running GPU worker. */
async function decoders(): Promise<number[]> {
  const all = await descendantsOf(system.pid);
  return all.filter(({ command }) => command.includes("clip-worker.ts")).map(({ pid }) => pid);
}

/** The process that a clip was handed to, held still before it is through. */
async function holdDecoder(): Promise<number> {
  for (;;) {
    const [pid] = await decoders();
    if (pid !== undefined) {
      process.kill(pid, "SIGSTOP");
      return pid;
    }
    await sleep(2);
  }
}

describe("a decoder that ends in the middle of a request", () => {
  it.each([
    [
      "killed from outside, costs it a 503 that says to try again",
      "SIGKILL",
      { status: 503, retryAfter: "1" },
      { code: "overloaded", message: expect.stringContaining("stopped from outside, try again") },
    ],
    [
      "of a fault of its own, costs it a 400 that names the clip",
      "SIGSEGV",
      { status: 400, retryAfter: null },
      {
        code: "invalid_media",
        message: expect.stringContaining("cannot be decoded: it broke off"),
      },
    ],
  ] as const)("%s, and no other anything", async (_, signal, answer, error) => {
    const [long, other] = [clipUrl(600), clipUrl(50)];
    expect(await decoders()).toEqual([]);

    const doomed = aboutClip(long);
    const pid = await holdDecoder();
    const beside = await Promise.all([aboutClip(other), aboutPicture()]);
    expect(beside.map(({ status }) => status)).toEqual([200, 200]);
    process.kill(pid, signal);
    process.kill(pid, "SIGCONT");

    const response = await doomed;
    expect({
      status: response.status,
      retryAfter: response.headers.get("Retry-After"),
    }).toEqual(answer);
    expect(await response.json()).toEqual({
      error: { ...error, type: expect.any(String), param: "messages.0.content.0" },
    });
    expect(await decoders()).not.toContain(pid);
    expect(await visionTokens(await aboutClip(long))).toBeGreaterThan(0);
    expect(await Promise.all(beside.map(visionTokens))).not.toContain(0);
  });
});
