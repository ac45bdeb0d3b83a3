import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { ChatCompletion } from "@qwen3-vl/shared/chat-completion";
import { Estimate } from "@qwen3-vl/shared/estimate";
import { beforeAll, describe, expect, it } from "vitest";

import { sharedSystem } from "../support/shared-system.ts";
import type { SharedSystem } from "../support/shared-system.ts";

const files = resolve(import.meta.dirname, "../golden/data/files");
const evaluation = resolve(import.meta.dirname, "../../models/qwen3-vl-shapes/evaluation");

const clipUrl = (name: string) =>
  `data:video/mp4;base64,${readFileSync(join(files, name)).toString("base64")}`;
const pictureUrl = (name: string) =>
  `data:image/png;base64,${readFileSync(join(evaluation, name)).toString("base64")}`;

let system: SharedSystem;
beforeAll(async () => {
  system = await sharedSystem();
});

async function post(body: object): Promise<Response> {
  return fetch(`${system.url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${system.apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({ model: "qwen3-vl-shapes", max_tokens: 16, temperature: 0, ...body }),
  });
}

async function answerTo(...content: readonly object[]): Promise<ChatCompletion> {
  const response = await post({ messages: [{ role: "user", content }] });
  return ChatCompletion.parse(await response.json());
}

const question = { type: "text", text: "Describe this video." };

describe("a clip", () => {
  it.each([
    ["clip-h264-30fps-5s.mp4", 5],
    ["clip-h264-variable-rate.mp4", 6],
    ["clip-h265-23.976fps-4s.mkv", 4],
    ["clip-vp9-25fps-12s.webm", 12],
  ])("in %s is answered", async (name, pairs) => {
    const video = { type: "video_url", video_url: { url: clipUrl(name) } };
    const { usage, choices } = await answerTo(video, question);
    expect(choices[0]?.message.content).not.toBe("");
    expect(usage.prompt_tokens_details.video_tokens % pairs).toBe(0);
    expect(usage.prompt_tokens_details.video_tokens).toBeGreaterThan(0);
  });

  it("is streamed like any other answer", async () => {
    const video = { type: "video_url", video_url: { url: clipUrl("clip-h264-30fps-5s.mp4") } };
    const response = await post({
      messages: [{ role: "user", content: [video, question] }],
      stream: true,
    });
    expect(await response.text()).toMatch(/"finish_reason":"(stop|length)"[^]*data: \[DONE\]/);
  });

  it("means the same in every spelling", async () => {
    const url = clipUrl("clip-h264-30fps-5s.mp4");
    const spellings = [
      { type: "video_url", video_url: { url, nframes: "4" } },
      { type: "video_url", video_url: { url }, nframes: 4 },
      { type: "video", video: url, nframes: 4 },
      { type: "input_video", video_url: url, nframes: 4 },
      { video: url, nframes: "4" },
    ];
    const answers = await Promise.all(spellings.map((video) => answerTo(video, question)));
    expect(new Set(answers.map(({ choices }) => choices[0]?.message.content)).size).toBe(1);
    expect(new Set(answers.map(({ usage }) => usage.prompt_tokens)).size).toBe(1);
  });

  it("stands beside pictures, in any order", async () => {
    const frames = Array.from({ length: 12 }, (_, index) =>
      pictureUrl(`004-v0-${String(index).padStart(2, "0")}.png`),
    );
    const video = { type: "video", video: frames, sample_fps: 2 };
    const picture = { type: "image_url", image_url: { url: pictureUrl("001-0.png") } };
    const when = { type: "text", text: "When does the triangle appear?" };
    const { choices } = await answerTo(video, when);
    expect(choices[0]?.message.content).toBe("At 3.2 seconds.");
    const { usage } = await answerTo(picture, video, when);
    expect(usage.prompt_tokens_details.image_tokens).toBeGreaterThan(0);
    expect(usage.prompt_tokens_details.video_tokens).toBeGreaterThan(0);
  });
});

describe("an estimate", () => {
  it("tells the exact prompt tokens without running the model, and refuses what would be refused", async () => {
    const video = { type: "video_url", video_url: { url: clipUrl("clip-h264-30fps-5s.mp4") } };
    const picture = { type: "image_url", image_url: { url: pictureUrl("059-0.png") } };
    const content = [picture, video, question];
    const { usage } = await answerTo(...content);
    const estimated = await estimate({ messages: [{ role: "user", content }], max_tokens: 16 });
    expect(Estimate.parse(estimated)).toMatchObject({
      prompt_tokens: usage.prompt_tokens,
      prompt_tokens_details: {
        image_tokens: usage.prompt_tokens_details.image_tokens,
        video_tokens: usage.prompt_tokens_details.video_tokens,
      },
      max_completion_tokens: 16,
    });
    const long = { messages: [{ role: "user", content: "star ".repeat(5000) }] };
    expect(await estimate(long)).toMatchObject({ error: { code: "context_length_exceeded" } });
  });
});

async function estimate(body: object): Promise<unknown> {
  const response = await fetch(`${system.url}/v1/chat/completions/estimate`, {
    method: "POST",
    headers: { Authorization: `Bearer ${system.apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({ model: "qwen3-vl-shapes", ...body }),
  });
  return response.json();
}

describe("a conversation's next turn", () => {
  it("runs only what is new, pictures included, and answers as if it had run all", async () => {
    const picture = { type: "image_url", image_url: { url: pictureUrl("059-0.png") } };
    const first = [
      { role: "user", content: [picture, { type: "text", text: "Describe this image." }] },
    ];
    const opening = ChatCompletion.parse(
      await (await post({ messages: first, max_tokens: 64 })).json(),
    );
    const answer = opening.choices[0]?.message.content ?? "";
    const second = [
      ...first,
      { role: "assistant", content: answer },
      { role: "user", content: "How many circles are there?" },
    ];
    const next = ChatCompletion.parse(await (await post({ messages: second })).json());
    expect(next.choices[0]?.message.content).toBe("1");
    const { cached_tokens: cached } = next.usage.prompt_tokens_details;
    expect(cached).toBeGreaterThan(60);
    expect(cached).toBeLessThan(next.usage.prompt_tokens);
  });
});
