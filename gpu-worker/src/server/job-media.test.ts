import { createServer } from "node:http";

import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { readClip } from "../vision/test-clips.ts";
import { listen } from "./test-calls.ts";
import { TestJobs } from "./test-jobs.ts";

const create = { width: 64, height: 64, channels: 3, background: "red" } as const;
const picture = await sharp({ create }).png().toBuffer();

let jobs: TestJobs;
beforeEach(async () => {
  jobs = await TestJobs.start();
});
afterEach(() => jobs[Symbol.asyncDispose]());

describe("a job whose clip is in the bucket", () => {
  it("tells its frames, also when they are decoded already", async () => {
    const clip = jobs.bucket.put("clip.mp4", readClip("clip-h264-30fps-5s.mp4"));
    const options = { nframes: 8, resized_height: 64, resized_width: 64 };
    const part = { type: "video_url", video_url: { url: "cid:media-0" }, ...options };
    const messages = [{ role: "user", content: [part] }];
    await jobs.post({ id: "a", body: { messages }, more: { stored: [clip] } });
    expect(await jobs.end("a")).toMatchObject({
      state: "answered",
      progress: { frames_decoded: 8, frames_total: 8 },
      media: { frames: 8 },
    });
    await jobs.post({ id: "b", body: { messages }, more: { stored: [clip] } });
    expect(await jobs.end("b")).toMatchObject({ progress: { frames_decoded: 8, frames_total: 8 } });
  });

  it("gives up its download when it is aborted", async () => {
    const begun = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    const medium = jobs.bucket.put("a.mp4", Buffer.alloc(1000), (_content, _request, response) => {
      response.on("close", () => left.resolve());
      begun.resolve();
    });
    const part = { type: "video_url", video_url: { url: "cid:media-0" } };
    const messages = [{ role: "user", content: [part] }];
    await jobs.post({ id: "a", body: { messages }, more: { stored: [medium] } });
    await begun.promise;
    await jobs.abort("a");
    await left.promise;
    expect(await jobs.end("a")).toMatchObject({
      state: "aborted",
      progress: { stage: "fetching" },
    });
  });
});

describe("a job whose picture is left to be fetched", () => {
  it.each([
    ["is answered", "answered", [{}], 200],
    ["is refused where the policy forbids its host", "failed", [{ allow: ["a.com"] }], 400],
  ])("%s", async (_, state, hosts, status) => {
    const origin = createServer((_request, response) => response.end(picture));
    const url = `http://127.0.0.1:${await listen(origin)}/p.png`;
    const content = [{ type: "image_url", image_url: { url } }];
    const messages = [{ role: "user", content }];
    const fetch = { allowHttpLoopback: true, hosts };
    await jobs.post({ id: "a", body: { messages }, more: { fetch } });
    expect(await jobs.end("a")).toMatchObject({ state, answer: { status } });
    origin.closeAllConnections();
    origin.close();
  });
});
