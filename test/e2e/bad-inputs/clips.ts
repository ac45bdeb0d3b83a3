import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { MODEL } from "./bad-input.ts";
import type { BadInput } from "./bad-input.ts";

const PART = "messages.0.content.0";
const URL_PARAM = `${PART}.video_url.url`;

const clip = readFileSync(
  resolve(import.meta.dirname, "../../golden/data/files/clip-h264-30fps-5s.mp4"),
);
const dataUrl = (bytes: Buffer) => `data:video/mp4;base64,${bytes.toString("base64")}`;
const goodUrl = dataUrl(clip);

function about(part: object): object {
  return { model: MODEL, messages: [{ role: "user", content: [part] }] };
}

const clipOf = (url: string, options: object = {}) =>
  about({ type: "video_url", video_url: { url }, ...options });

const options: [option: string, value: unknown, says: RegExp][] = [
  ["nframes", -1, /nframes/],
  ["nframes", 0, /nframes/],
  ["nframes", 1, /got 0/],
  ["nframes", 1e9, /2 to 150 frames/],
  ["fps", 0, /fps/],
  ["fps", -1, /fps/],
  ["fps", "fast", /fps/],
  ["video_start", 99, /5\.00 s/],
  ["video_end", 0, /video_start before video_end/],
  ["max_pixels", 0, /max_pixels/],
  ["min_frames", 0, /min_frames/],
];

/** List C: clips and what may be said of them. */
export const badClips: BadInput[] = [
  ...options.map(([option, value, says]) => ({
    name: `${option}: ${JSON.stringify(value)}`,
    body: clipOf(goodUrl, { [option]: value }),
    param: `${PART}.${option}`,
    says,
  })),
  {
    name: "fps with nframes",
    body: clipOf(goodUrl, { fps: 1, nframes: 4 }),
    param: `${PART}.nframes`,
    says: /got both/,
  },
  {
    name: "more frames than a list may have",
    body: about({
      type: "video",
      video: Array.from({ length: 769 }, () => "https://a.example/1.png"),
    }),
    param: `${PART}.video`,
    says: /768 frames/,
  },
  {
    name: "a list of no frames",
    body: about({ type: "video", video: [] }),
    param: `${PART}.video`,
    says: /video/,
  },
  {
    name: "sample_fps of 0",
    body: about({ type: "video", video: ["https://a.example/1.png"], sample_fps: 0 }),
    param: `${PART}.sample_fps`,
    says: /sample_fps/,
  },
  {
    name: "frames in one data: URL, as others have them",
    body: clipOf(
      `data:video/jpeg;base64,${Array.from({ length: 10_000 }, () => "/9j/").join(",")}`,
    ),
    param: URL_PARAM,
    says: /base64/,
  },
  ...(
    [
      ["an HLS playlist", Buffer.from("#EXTM3U\nhttp://127.0.0.1/a.ts\n")],
      ["a concat file", Buffer.from("ffconcat version 1.0\nfile /etc/passwd\n")],
      ["a DASH manifest", Buffer.from("<?xml version='1.0'?><MPD/>")],
      ["a picture", Buffer.from("\u0089PNG\r\n\u001a\n", "latin1")],
    ] as const
  ).map(([name, bytes]) => ({
    name: `${name} as a clip`,
    body: clipOf(dataUrl(bytes)),
    param: URL_PARAM,
    says: /Expected a clip/,
  })),
  {
    name: "a clip cut off",
    body: clipOf(dataUrl(clip.subarray(0, 30_000))),
    param: PART,
    says: /damaged/,
  },
  {
    name: "a clip as a picture",
    body: about({ type: "image_url", image_url: { url: goodUrl } }),
    param: `${PART}.image_url.url`,
    says: /Expected a picture .* got video\/mp4/,
  },
  {
    name: "a clip larger than the context",
    body: clipOf(goodUrl, { nframes: 100 }),
    param: PART,
    says: /tokens, at most 4096/,
  },
];
