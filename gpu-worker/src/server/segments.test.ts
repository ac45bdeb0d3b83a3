import { randomUUID } from "node:crypto";

import { Estimate } from "@qwen3-vl/shared/estimate";
import { SEGMENTS_PATH, SEGMENT_WORDS, SegmentPlan } from "@qwen3-vl/shared/worker-jobs";
import { ESTIMATE_PATH } from "@qwen3-vl/shared/worker-protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { TestBucket } from "../stored-media/test-bucket.ts";
import { readClip } from "../vision/test-clips.ts";
import { send } from "./test-calls.ts";
import { CONTEXT, MODEL } from "./test-threads.ts";
import { TestWorker, chatCall, signed } from "./test-worker.ts";

const clip = readClip("clip-vp9-25fps-12s.webm");
let bucket: TestBucket;
let worker: TestWorker;
beforeAll(async () => {
  bucket = await TestBucket.start();
  worker = await TestWorker.start({ origin: bucket.url });
});
afterAll(async () => {
  await worker.stop();
  await bucket[Symbol.asyncDispose]();
});

const SMALL = { resized_height: 64, resized_width: 64 };

function video(options: object) {
  return { type: "video_url", video_url: { url: "cid:media-0" }, ...options };
}

const text = { type: "text", text: "What happens?" };

interface Asked {
  content?: readonly object[];
  body?: object;
  more?: object;
}

async function ask({ content = [video(SMALL), text], body = {}, more = {} }: Asked) {
  const request = JSON.stringify({
    id: randomUUID(),
    tenant: "tenant",
    body: {
      model: MODEL,
      messages: [
        { role: "system", content: "Be short." },
        { role: "user", content },
      ],
      ...body,
    },
    stored: [bucket.put("clip.webm", clip)],
    ...more,
  });
  const call = { method: "POST", path: SEGMENTS_PATH, body: request };
  const { status, text: answer } = await send(worker, await signed(call, request));
  return { status, answer: JSON.parse(answer) as unknown };
}

const planOf = async (asked: Asked) => SegmentPlan.parse((await ask(asked)).answer);

/** Exactly what a segment costs, by the same worker. */
async function estimate(content: readonly object[], body: object = {}): Promise<Estimate> {
  const messages = [
    { role: "system", content: "Be short." },
    { role: "user", content },
  ];
  const call = { body: { messages, ...body }, stored: [bucket.put("clip.webm", clip)] };
  const { text: answer } = await send(worker, await chatCall({ ...call, path: ESTIMATE_PATH }));
  return Estimate.parse(JSON.parse(answer));
}

describe("a clip that fits the context", () => {
  it("is one segment, as the request has it", async () => {
    const options = { ...SMALL, fps: 1 };
    const plan = await planOf({ content: [text, video(options)] });
    const { prompt_tokens_details: details } = await estimate([text, video(options)]);
    expect(plan).toEqual({
      message: 1,
      part: 1,
      duration: expect.closeTo(12, 0),
      segments: [{ start: 0, end: plan.duration, video_tokens: details.video_tokens }],
    });
  });

  it("is cut where there are more frames than it may have, at the rate that is asked for", async () => {
    const plan = await planOf({ content: [video({ ...SMALL, fps: 2, max_frames: 8 })] });
    expect(plan.segments.length).toBeGreaterThan(1);
    for (const { start, end } of plan.segments) {
      expect((end - start) * 2).toBeLessThan(10); // frames go in pairs
    }
  });

  it("begins and ends where it is said", async () => {
    const options = { ...SMALL, video_start: 2, video_end: 5, fps: 1 };
    expect(await planOf({ content: [video(options)] })).toMatchObject({
      segments: [{ start: 2, end: 5 }],
    });
  });

  it("is one segment however many frames are asked for by number", async () => {
    const plan = await planOf({ content: [video({ ...SMALL, nframes: 8 })] });
    expect(plan.segments).toHaveLength(1);
  });
});

describe("a clip that does not fit", () => {
  it.each([
    ["as the question leaves room", {}, 64],
    ["as a long answer leaves room", { max_tokens: 200 }, 200],
  ])("is cut into segments that do, %s", async (_, body, answer) => {
    const options = { resized_height: 64, resized_width: 96, fps: 8 };
    const plan = await planOf({ content: [video(options), text], body });
    const { segments, duration } = plan;
    expect(segments.length).toBeGreaterThan(1);
    expect([segments[0]?.start, segments.at(-1)?.end]).toEqual([0, duration]);
    for (const { start, end, video_tokens: tokens } of segments) {
      const part = video({ ...options, video_start: start, video_end: end });
      const { prompt_tokens: prompt, prompt_tokens_details: details } = await estimate([
        part,
        text,
      ]);
      expect(details.video_tokens).toBe(tokens);
      expect(prompt + SEGMENT_WORDS + answer).toBeLessThanOrEqual(CONTEXT);
    }
    const longest = Math.max(...segments.map(({ start, end }) => end - start));
    const part = video({ ...options, video_start: 0, video_end: longest + 1 });
    const { prompt_tokens: longer } = await estimate([part, text]);
    expect(longer + SEGMENT_WORDS + answer).toBeGreaterThan(CONTEXT * 0.9); // none is much too short
  });

  it("is cut beside the pictures of its request", async () => {
    const image = { type: "image_url", image_url: { url: "cid:media-1" } };
    const picture = { ...bucket.put("p.png", await png()), name: "media-1", type: "image/png" };
    const options = { ...SMALL, fps: 4 };
    const alone = await planOf({ content: [video(options), text] });
    const beside = await planOf({
      content: [image, video(options), text],
      more: { stored: [bucket.put("clip.webm", clip), picture] },
    });
    expect(beside.part).toBe(1);
    expect(beside.segments.length).toBeGreaterThanOrEqual(alone.segments.length);
  });
});

describe("what cannot be cut", () => {
  const frame = "cid:media-1";

  it.each([
    ["no clip", [text], "messages"],
    ["two clips", [video({}), video({ fps: 1 })], "messages"],
  ])("is refused: %s", async (_, content, param) => {
    const error = { code: "invalid_request", param };
    expect(await ask({ content })).toMatchObject({ status: 400, answer: { error } });
  });

  it("is refused: a rest that leaves no room", async () => {
    const error = { code: "context_length_exceeded", param: "messages" };
    const content = [video(SMALL), { type: "text", text: "word ".repeat(600) }];
    expect(await ask({ content })).toMatchObject({ status: 400, answer: { error } });
  });

  it("is refused: frames by number that do not fit", async () => {
    const error = { code: "context_length_exceeded", param: "messages.1.content.0" };
    const content = [video({ nframes: 200, ...SMALL })];
    const { status, answer } = await ask({ content });
    expect([status, answer]).toMatchObject([400, { error }]);
    expect(JSON.stringify(answer)).toContain("nframes");
  });

  it("is refused: a list of frames that does not fit", async () => {
    const picture = { ...bucket.put("p.png", await png()), name: "media-1", type: "image/png" };
    const list = { type: "video", video: Array<string>(200).fill(frame), ...SMALL };
    const { status, answer } = await ask({ content: [list], more: { stored: [picture] } });
    expect([status, answer]).toMatchObject([400, { error: { code: "context_length_exceeded" } }]);
    expect(JSON.stringify(answer)).toContain("a list of frames is used as it is");
  });

  it("is refused: frames so large that not even a second fits", async () => {
    const error = { code: "context_length_exceeded", param: "messages.1.content.0" };
    const content = [video({ min_pixels: 600_000, fps: 2 })];
    const { status, answer } = await ask({ content });
    expect([status, answer]).toMatchObject([400, { error }]);
    expect(
      z.object({ error: z.object({ message: z.string() }) }).parse(answer).error.message,
    ).toMatch(/not even 1\.0 s of the clip fit: it has \d+ tokens, expected at most \d+/);
  });

  it("is refused: what is not signed", async () => {
    expect(await send(worker, { method: "POST", path: SEGMENTS_PATH, body: "{}" })).toMatchObject({
      status: 401,
    });
  });
});

async function png(): Promise<Buffer> {
  const { default: sharp } = await import("sharp");
  const create = { width: 64, height: 64, channels: 3, background: "teal" } as const;
  return sharp({ create }).png().toBuffer();
}
