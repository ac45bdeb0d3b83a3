import { FF_ENCODER_JPEG2000, FF_ENCODER_LIBX264, FF_ENCODER_MPEG4 } from "node-av/constants";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ClipPreprocessor } from "./clip-preprocessor.ts";
import { clipSettings, readClip } from "./test-clips.ts";
import { encodeClip } from "./test-encoded-clips.ts";

const { signal } = new AbortController();
const contained = (bytes: Uint8Array) => ({ kind: "container", bytes }) as const;

let clips: ClipPreprocessor;
beforeEach(() => {
  clips = new ClipPreprocessor({ settings: clipSettings, processes: 1, maxTokens: 10_000 });
});
afterEach(() => clips.close());

const GOOD = { grid: { t: 5, h: 16, w: 20 }, values: 5 * 16 * 20 * 1536 };

async function prepareGood() {
  const bytes = readClip("clip-h264-30fps-5s.mp4");
  const { plan, patches } = await clips.prepare(contained(bytes), {}, signal);
  return { grid: plan.grid, values: patches.length };
}

function frameOf(color: string): Promise<Buffer> {
  return sharp({ create: { width: 64, height: 64, channels: 3, background: color } })
    .png()
    .toBuffer();
}

/** An empty box of an MP4. */
function atom(type: string, length: number): Buffer {
  const head = Buffer.from(`\0\0\0${String.fromCharCode(length)}${type}`, "latin1");
  return Buffer.concat([head, Buffer.alloc(length - 8)]);
}

describe("ClipPreprocessor", () => {
  it("prepares clips, several at once, in one process", async () => {
    const prepared = await Promise.all([prepareGood(), prepareGood(), prepareGood()]);
    expect(prepared).toEqual([GOOD, GOOD, GOOD]);
  });

  it("prepares a list of frames, the last one repeated where they are odd", async () => {
    const frames = await Promise.all(["red", "green", "blue"].map(frameOf));
    const input = { kind: "frames", frames, sampleFps: 1 } as const;
    const { plan } = await clips.prepare(input, {}, signal);
    expect(plan).toMatchObject({ grid: { t: 2, h: 4, w: 4 }, timestamps: ["0.5", "2.0"] });
  });

  const mp4 = readClip("clip-h264-30fps-5s.mp4");
  it.each([
    [
      "an HLS playlist",
      Buffer.from("#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:1/a.ts\n"),
      "another type",
    ],
    ["a DASH manifest", Buffer.from('<?xml version="1.0"?><MPD/>'), "another type"],
    ["a concat file", Buffer.from("ffconcat version 1.0\nfile /etc/passwd\n"), "another type"],
    ["a picture", Buffer.from("\u0089PNG\r\n\u001a\n", "latin1"), "another type"],
    ["a HEIC picture", atom("ftypheic", 24), "another type"],
    ["a container with nothing in it", Buffer.concat([atom("ftyp", 16), atom("moov", 8)]), "clip"],
    ["a clip without its index at the end", mp4.subarray(0, 40_000), "cannot be opened"],
    [
      "JPEG 2000 in an MP4",
      encodeClip({ encoder: FF_ENCODER_JPEG2000, muxer: "mp4", frames: 2 }),
      "got another codec",
    ],
    [
      "sound alone",
      Buffer.from(mp4.toString("latin1").replaceAll("vide", "soun"), "latin1"),
      "clip",
    ],
    [
      "a clip of one frame",
      encodeClip({ encoder: FF_ENCODER_MPEG4, muxer: "mp4", frames: 1 }),
      "at least 2 frames, got 1",
    ],
    [
      "frames larger than 8K",
      encodeClip({
        encoder: FF_ENCODER_LIBX264,
        muxer: "mp4",
        frames: 2,
        width: 8192,
        height: 4352,
      }),
      "at most 33177600 pixels, got 8192 x 4352",
    ],
    [
      "noise behind a good beginning",
      Buffer.concat([mp4.subarray(0, 64), Buffer.alloc(5000, 7)]),
      "clip",
    ],
  ])("refuses %s, and goes on", async (_, bytes, says) => {
    await expect(clips.prepare(contained(bytes), {}, signal)).rejects.toMatchObject({
      code: expect.stringMatching(/^(invalid_media|media_too_large)$/),
      message: expect.stringContaining(says),
    });
    expect(await prepareGood()).toEqual(GOOD);
  });

  it("refuses a clip with more tokens than the context holds before it decodes it", async () => {
    const small = new ClipPreprocessor({ settings: clipSettings, processes: 1, maxTokens: 100 });
    await expect(small.prepare(contained(mp4), {}, signal)).rejects.toMatchObject({
      code: "context_length_exceeded",
      message: expect.stringMatching(/400 tokens, at most 100/),
    });
    small.close();
  });

  it("plans what it then prepares, without decoding", async () => {
    const planned = await clips.plan(contained(mp4), { fps: 1 }, signal);
    const { plan } = await clips.prepare(contained(mp4), { fps: 1 }, signal);
    expect(planned).toEqual(plan);
  });

  it("forgets a clip that is aborted while it waits, at once", async () => {
    const controller = new AbortController();
    const first = prepareGood();
    const waiting = clips.prepare(contained(mp4), {}, controller.signal);
    controller.abort(new Error("left"));
    await expect(Promise.race([waiting, first])).rejects.toThrow("left");
    expect(await first).toEqual(GOOD);
  });

  it("takes no more clips to wait than a bound", async () => {
    const controller = new AbortController();
    const all = Array.from({ length: 66 }, () =>
      clips.prepare(contained(mp4), {}, controller.signal),
    );
    await expect(all.at(-1)).rejects.toMatchObject({ code: "overloaded" });
    controller.abort(new Error("left"));
    await Promise.allSettled(all);
  });

  it("rejects what is under way and what waits when it closes", async () => {
    const all = [prepareGood(), prepareGood()];
    clips.close();
    for (const outcome of await Promise.allSettled(all)) {
      expect(outcome).toMatchObject({ reason: { message: expect.stringContaining("closed") } });
    }
    await expect(prepareGood()).rejects.toThrow("closed");
  });

  it("ends a clip that is aborted, at once, and goes on", async () => {
    const controller = new AbortController();
    const aborted = clips.prepare(contained(mp4), {}, controller.signal);
    controller.abort(new Error("left"));
    await expect(aborted).rejects.toThrow("left");
    expect(await prepareGood()).toEqual(GOOD);
  });

  it.each([
    ["that ends in mid-clip", "./test-clip-worker-dies.ts", 20_000, /broke off/],
    ["that is killed", "./test-clip-worker-killed.ts", 20_000, /stopped from outside/],
    ["that never answers", "./test-clip-worker-hangs.ts", 500, /longer than 0.5 s/],
  ])("gives up on a process %s, and costs that clip alone", async (_, file, timeoutMs, says) => {
    const faulty = new ClipPreprocessor({
      settings: clipSettings,
      processes: 1,
      maxTokens: 10_000,
      limits: { timeoutMs, maxMemoryBytes: 2 ** 31 },
      entry: new URL(file, import.meta.url),
    });
    await expect(faulty.prepare(contained(mp4), {}, signal)).rejects.toThrow(says);
    await expect(faulty.prepare(contained(mp4), {}, signal)).rejects.toThrow(says);
    faulty.close();
  });

  it("ends a process that needs too much memory", async () => {
    const strict = new ClipPreprocessor({
      settings: clipSettings,
      processes: 1,
      maxTokens: 10_000,
      limits: { timeoutMs: 20_000, maxMemoryBytes: 2 ** 20 },
      entry: new URL("./test-clip-worker-hangs.ts", import.meta.url),
    });
    await expect(strict.prepare(contained(mp4), {}, signal)).rejects.toThrow("too much memory");
    strict.close();
  });
});
