import { expect, it } from "vitest";

import { sniffMedia } from "./sniff-media.ts";

const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

it.each([
  ["\u00ff\u00d8\u00ff\u00e0", "image/jpeg"],
  ["\u0089PNG\r\n\u001a\n", "image/png"],
  ["RIFF\n\0\0\0WEBPVP8 ", "image/webp"],
  ["GIF87a", "image/gif"],
  ["GIF89a", "image/gif"],
  ["\0\0\0\u001cftypavif\0\0\0\0", "image/avif"],
  ["\0\0\0\u001cftypmif1\0\0\0\0mif1avif", "image/avif"],
  ["\0\0\0\u001cftypheic\0\0\0\0mif1heic", "image/heic"],
  ["\0\0\0\u001cftypmif1\0\0\0\0mif1heic", "image/heic"],
  ["II*\0", "image/tiff"],
  ["MM\0*", "image/tiff"],
  ["BM", "image/bmp"],
  ["\0\0\0\u001cftypisom", "video/mp4"],
  ["\0\0\0\u0014ftypqt  ", "video/mp4"],
  ["\u001aE\u00df\u00a3", "video/x-matroska"],
  ["RIFF\n\0\0\0AVI LIST", "video/x-msvideo"],
  ["\0\0\u0001\u00ba", "video/mpeg"],
  [`G${"\0".repeat(187)}G`, "video/mpeg"],
])("knows %j as %s", (head, type) => {
  expect(sniffMedia(latin1(`${head}rest`))).toBe(type);
});

it.each(["", "<svg xmlns=", "<!doctype html>", "%PDF-1.7", "#EXTM3U", "RIFF....WAVE"])(
  "takes %j for no picture or clip",
  (head) => {
    expect(sniffMedia(latin1(head))).toBeUndefined();
  },
);
