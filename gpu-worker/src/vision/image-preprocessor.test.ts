import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { ApiError } from "@qwen3-vl/shared/errors";
import sharp from "sharp";
import { afterEach, describe, expect, it } from "vitest";

import { ImagePreprocessor } from "./image-preprocessor.ts";
import { planImage } from "./prepare-image.ts";
import type { VisionSettings } from "./preprocessor-config.ts";

const settings: VisionSettings = {
  patchSize: 16,
  temporalPatchSize: 2,
  mergeSize: 2,
  minPixels: 65_536,
  maxPixels: 16_777_216,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  rescale: 1 / 255,
};
const never = new AbortController().signal;

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

function preprocessor(entry?: URL): ImagePreprocessor {
  const opened = new ImagePreprocessor({ settings, threads: 1, ...(entry && { entry }) });
  closers.push(() => opened.close());
  return opened;
}

function picture(width: number, height: number): Promise<Buffer> {
  const background = { r: 255, g: 0, b: 0 };
  return sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
}

/** A worker that dies of every picture whose first byte is 0. */
async function crashingEntry(death: string): Promise<URL> {
  const folder = await mkdtemp(path.join(tmpdir(), "image-worker-"));
  closers.push(() => rm(folder, { recursive: true }));
  const file = path.join(folder, "worker.mjs");
  await writeFile(
    file,
    `export async function runImageTask({ bytes }) {
      if (bytes[0] === 0) { ${death}; await new Promise(() => {}); }
      return { failure: { code: "invalid_media", message: "still alive" } };
    }`,
  );
  return pathToFileURL(file);
}

describe("ImagePreprocessor", () => {
  it("prepares a picture in another thread, with the planned grid", async () => {
    const bytes = await picture(640, 428);
    const image = await preprocessor().prepare(bytes, {}, never);

    expect(image).toMatchObject({ width: 640, height: 428, grid: { t: 1, h: 26, w: 40 } });
    const { grid, width, height } = image;
    expect({ grid, width, height }).toEqual(await planImage(bytes, {}, settings));
    expect(image.patches).toHaveLength(26 * 40 * 1536);
    expect([image.patches[0], image.patches[512]]).toEqual([1, -1]);
    expect(bytes.byteLength).toBeGreaterThan(0); // copied, not taken
  });

  it("brings the client's errors across the thread border, and goes on", async () => {
    const images = preprocessor();
    const options = { min_pixels: 9000, max_pixels: 8000 };
    const refused = images.prepare(await picture(64, 64), options, never);

    await expect(refused).rejects.toBeInstanceOf(ApiError);
    await expect(refused).rejects.toMatchObject({ code: "invalid_request", param: "min_pixels" });
    await expect(images.prepare(await picture(64, 64), {}, never)).resolves.toBeDefined();
  });

  it("rejects at once with the signal's reason, and goes on", async () => {
    const images = preprocessor();
    const client = new AbortController();
    const large = await picture(4000, 4000);
    const left = [large, large, large].map((bytes) => images.prepare(bytes, {}, client.signal));
    client.abort(new Error("the client left"));

    for (const outcome of await Promise.allSettled(left)) {
      expect(outcome).toMatchObject({ reason: { message: "the client left" } });
    }
    await expect(images.prepare(large, {}, client.signal)).rejects.toThrow("the client left");
    await expect(images.prepare(await picture(64, 64), {}, never)).resolves.toBeDefined();
  });

  it.each([
    ["throws outside of its task", "setImmediate(() => { throw new Error('crash'); })", "crash"],
    ["exits", "process.exit(7)", "exited with code: 7"],
    [
      "runs out of memory",
      "const all = []; for (;;) all.push(new Array(1e5).fill(0.5))",
      "memory limit",
    ],
  ])("loses one picture when a thread %s", async (_, death, message) => {
    const images = preprocessor(await crashingEntry(death));

    await expect(images.prepare(new Uint8Array(1), {}, never)).rejects.toThrow(message);
    await expect(images.prepare(Uint8Array.of(1), {}, never)).rejects.toThrow("still alive");
  });

  it("rejects what is under way when it closes", async () => {
    const images = preprocessor();
    const underWay = images.prepare(await picture(4000, 4000), {}, never);
    const [outcome] = await Promise.allSettled([underWay, images.close()]);
    expect(outcome).toMatchObject({ status: "rejected" });
  });
});
