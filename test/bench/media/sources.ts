import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import sharp from "sharp";

import { H264_ENCODER, encodeClip } from "../../../gpu-worker/src/vision/test-encoded-clips.ts";

const PHOTOGRAPH = join(import.meta.dirname, "../../golden/data/files/sample-bird.jpg");

const WIDTH = 1920;
const HEIGHT = 1080;

/** A minute at 25 frames a second. */
const FRAMES = 1500;

/** Pixels that the view moves from frame to frame. */
const MOVE = 2;

export interface Sources {
  picture: string;
  clip: string;
}

/** A photograph of 12 megapixels and a minute of 1080p in H.264, made once and kept in a folder. */
export async function makeSources(folder: string): Promise<Sources> {
  await mkdir(folder, { recursive: true });
  const sources = { picture: join(folder, "12-megapixels.jpg"), clip: join(folder, "1080p.mp4") };
  await makeOnce(sources.picture, () =>
    sharp(PHOTOGRAPH).resize(4000, 3000).jpeg({ quality: 90 }).toBuffer(),
  );
  await makeOnce(sources.clip, () => {
    console.log("A clip of a minute is made, once.");
    return movingView();
  });
  return sources;
}

async function makeOnce(path: string, make: () => Promise<Buffer>): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    await writeFile(`${path}.tmp`, await make());
    await rename(`${path}.tmp`, path);
  }
}

/** A view that moves to and fro over a photograph, as a camera does. */
async function movingView(): Promise<Buffer> {
  const reach = WIDTH + 400;
  const photograph = await readFile(PHOTOGRAPH);
  const grey = await sharp(photograph).resize(reach, HEIGHT).greyscale().raw().toBuffer();
  return encodeClip({
    encoder: H264_ENCODER,
    encoderOptions: { preset: "veryfast" },
    muxer: "mp4",
    frames: FRAMES,
    width: WIDTH,
    height: HEIGHT,
    keyDistance: 250,
    bFrames: 3,
    fillLuma: (plane, stride, place) => {
      const way = (place * MOVE) % 800;
      const left = way < 400 ? way : 800 - way;
      for (let y = 0; y < HEIGHT; y++) {
        const start = y * reach + left;
        plane.set(grey.subarray(start, start + WIDTH), y * stride);
      }
    },
  });
}
