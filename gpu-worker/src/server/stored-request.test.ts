import { MAX_VIDEO_BYTES } from "@qwen3-vl/shared/limits";
import type { StoredMedium } from "@qwen3-vl/shared/worker-protocol";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import type { RequestMedium } from "../engine/generator.ts";
import { TestBucket } from "../stored-media/test-bucket.ts";
import { readClip } from "../vision/test-clips.ts";
import { send } from "./test-calls.ts";
import { startThreads } from "./test-threads.ts";
import type { TestThreads } from "./test-threads.ts";
import { TestWorker, chatCall, eventsOf } from "./test-worker.ts";

let bucket: TestBucket;
let threads: TestThreads;
beforeAll(async () => {
  threads = await startThreads();
});
afterAll(() => threads.close());

let worker: TestWorker;
beforeEach(async () => {
  bucket = await TestBucket.start();
  worker = await TestWorker.start({ threads, origin: bucket.url });
});
afterEach(async () => {
  await worker.stop();
  await bucket[Symbol.asyncDispose]();
});

const clip = readClip("clip-h264-30fps-5s.mp4");

/** The same clip behind which an empty box makes it too large for memory. */
function padded(): Buffer {
  const free = Buffer.alloc(MAX_VIDEO_BYTES);
  free.writeUInt32BE(free.length);
  free.write("free", 4);
  return Buffer.concat([clip, free]);
}

async function ask(part: object, source: { media?: Buffer[]; stored?: StoredMedium[] }) {
  const seen: RequestMedium[] = [];
  worker.answer = async function* answer(request) {
    seen.push(...request.media);
    yield* eventsOf("ok");
  };
  const content = [part, { type: "text", text: "hi" }];
  const call = await chatCall({ body: { messages: [{ role: "user", content }] }, ...source });
  const { status, text } = await send(worker, call);
  return { status, text, patches: seen.map((medium) => "patched" in medium && medium.patched) };
}

describe("a medium in the bucket", () => {
  it("is prepared as one in the body is: a clip on the disk", async () => {
    const options = { nframes: 4, resized_height: 64, resized_width: 64 };
    const part = { type: "video_url", video_url: { url: "cid:media-0" }, ...options };
    const inBody = await ask(part, { media: [clip] });
    const stored = await ask(part, { stored: [bucket.put("clip.mp4", padded())] });
    expect([inBody.status, stored.status]).toEqual([200, 200]);
    expect(stored.patches).toHaveLength(1);
    expect(stored.patches).toEqual(inBody.patches);
  });

  it("is prepared as one in the body is: a picture in memory", async () => {
    const create = { width: 64, height: 64, channels: 3, background: "teal" } as const;
    const picture = await sharp({ create }).png().toBuffer();
    const part = { type: "image_url", image_url: { url: "cid:media-0" } };
    const inBody = await ask(part, { media: [picture] });
    const stored = await ask(part, { stored: [bucket.put("a.png", picture)] });
    expect([inBody.status, stored.status]).toEqual([200, 200]);
    expect(stored.patches).toEqual(inBody.patches);
  });

  it("that is not there is told to the client", async () => {
    const part = { type: "video_url", video_url: { url: "cid:media-0" } };
    const medium = { ...bucket.put("a", clip), url: `${bucket.url}/gone` };
    const { status, text } = await ask(part, { stored: [medium] });
    expect([status, JSON.parse(text)]).toMatchObject([
      422,
      { error: { code: "media_unreachable" } },
    ]);
    expect(worker.admission.inside).toBe(0);
  });
});
