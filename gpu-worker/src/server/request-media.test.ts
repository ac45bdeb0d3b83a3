import { ESTIMATE_PATH } from "@qwen3-vl/shared/worker-protocol";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import type { GenerationRequest, RequestMedium } from "../engine/generator.ts";
import { send } from "./test-calls.ts";
import { startThreads } from "./test-threads.ts";
import type { TestThreads } from "./test-threads.ts";
import { TestWorker, chatCall, eventsOf } from "./test-worker.ts";

const ENOUGH = 2 ** 30;

/** 96 × 128 pixels are 48 patches, and 12 tokens with four rows of 192 features each. */
const PATCH_BYTES = 48 * 1536 * 4;
const FEATURE_BYTES = 12 * 4 * 192 * 4;
const pictures = await Promise.all(["red", "green", "blue"].map(pictureOf));

function pictureOf(background: string): Promise<Buffer> {
  return sharp({ create: { width: 96, height: 128, channels: 3, background } })
    .png()
    .toBuffer();
}

let threads: TestThreads;
beforeAll(async () => {
  threads = await startThreads();
});
afterAll(() => threads.close());

let worker: TestWorker;
afterEach(() => worker.stop());

async function startWorker(memory: { encoderBytes?: number; mediaBytes?: number }) {
  const rest = { encoderBytes: ENOUGH, mediaBytes: ENOUGH, featureBytes: ENOUGH };
  worker = await TestWorker.start({ threads, memory: { ...rest, ...memory } });
}

function bodyOf(count: number) {
  const images = Array.from({ length: count }, (_, index) => ({
    type: "image_url",
    image_url: { url: `cid:media-${index}` },
  }));
  return { messages: [{ role: "user", content: [...images, { type: "text", text: "hi" }] }] };
}

async function ask(media: readonly Buffer[], path?: string) {
  const call = await chatCall({ body: bodyOf(media.length), media, ...(path && { path }) });
  const { status, text } = await send(worker, call);
  return { status, body: JSON.parse(text) as unknown };
}

interface HeldRequest {
  request: GenerationRequest;
  answer: () => void;
}

/** Holds each request until it is told to answer; `next` waits for the next one to come. */
function holdAnswers(): { next: () => Promise<HeldRequest> } {
  const arrived: HeldRequest[] = [];
  const awaited: ((held: HeldRequest) => void)[] = [];
  worker.answer = async function* answer(request) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const held = { request, answer: resolve };
    const take = awaited.shift() ?? ((one: HeldRequest) => arrived.push(one));
    take(held);
    await promise;
    yield* eventsOf("ok");
  };
  return {
    next: () => {
      const held = arrived.shift();
      return held === undefined
        ? new Promise((resolve) => awaited.push(resolve))
        : Promise.resolve(held);
    },
  };
}

const features = {
  embeddings: new Float32Array(12 * 192),
  deepstack: [1, 2, 3].map(() => new Float32Array(12 * 192)),
};

/** As the generator does: patches are read, then features are told. */
function encode(medium: RequestMedium | undefined): number {
  if (medium === undefined || "features" in medium) {
    throw new Error("expected a medium with patches");
  }
  const { byteLength } = medium.patched.patches;
  medium.onFeatures(features);
  return byteLength - medium.patched.patches.byteLength;
}

describe("media that need more memory than is set aside", () => {
  it.each([undefined, ESTIMATE_PATH])(
    "are refused with the numbers when it is the encoder's (path: %s)",
    async (path) => {
      await startWorker({ encoderBytes: 100_000 });
      const { status, body } = await ask(pictures.slice(0, 1), path);
      expect(status).toBe(413);
      expect(body).toMatchObject({
        error: {
          code: "media_too_large",
          param: "messages.0.content.0",
          message: expect.stringMatching(
            /^48 patches \(6 x 8\) need \d{6} bytes .* expected at most 100000; .* max_pixels$/,
          ),
        },
      });
    },
  );

  it("are refused with the numbers when it is that of all together", async () => {
    await startWorker({ mediaBytes: 3 * PATCH_BYTES });
    const { status, body } = await ask(pictures);
    expect(status).toBe(413);
    expect(body).toMatchObject({
      error: {
        code: "media_too_large",
        param: "messages",
        message: expect.stringContaining(
          `need ${3 * PATCH_BYTES + 6 * FEATURE_BYTES} bytes of memory, expected at most ${3 * PATCH_BYTES}`,
        ),
      },
    });
    worker.answer = () => eventsOf("ok");
    expect(await ask(pictures.slice(0, 2))).toMatchObject({ status: 200 });
  });
});

describe("media that find too little memory", () => {
  it("wait for features of requests that end, and text does not wait for them", async () => {
    await startWorker({ mediaBytes: PATCH_BYTES + FEATURE_BYTES });
    const held = holdAnswers();
    const answers = [ask(pictures.slice(0, 1))];
    const first = await held.next();
    answers.push(ask(pictures.slice(1, 2)), ask([]));
    const text = await held.next();
    expect(text.request.media).toEqual([]);

    first.answer();
    const second = await held.next();
    expect(second.request.media).toHaveLength(1);
    text.answer();
    second.answer();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200]);
  });

  it("wait no longer than until others' patches are encoded, which gives their memory back", async () => {
    await startWorker({ mediaBytes: PATCH_BYTES + 2 * FEATURE_BYTES });
    const held = holdAnswers();
    const answers = [ask(pictures.slice(0, 1))];
    const first = await held.next();
    answers.push(ask(pictures.slice(1, 2)));
    expect(encode(first.request.media[0])).toBe(PATCH_BYTES);
    const second = await held.next();
    first.answer();
    second.answer();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses).toEqual([200, 200]);
  });

  it("get it when a picture before them turns out to be damaged", async () => {
    await startWorker({ mediaBytes: PATCH_BYTES + FEATURE_BYTES });
    worker.answer = () => eventsOf("ok");
    const [whole = Buffer.alloc(0)] = pictures;
    const damaged = whole.subarray(0, whole.length - 60);
    const statuses = await Promise.all(
      [damaged, whole, damaged, whole].map(async (bytes) => (await ask([bytes])).status),
    );
    expect(statuses).toEqual([400, 200, 400, 200]);
  });
});

it("takes features of a picture that was encoded before, and decodes nothing", async () => {
  await startWorker({});
  const held = holdAnswers();
  const answers = [ask(pictures.slice(0, 1))];
  const first = await held.next();
  encode(first.request.media[0]);
  answers.push(ask(pictures.slice(0, 1)));
  const second = await held.next();
  expect(second.request.media).toMatchObject([{ features, tokens: 12 }]);
  first.answer();
  second.answer();
  await Promise.all(answers);
});
