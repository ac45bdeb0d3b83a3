import { expect, it } from "vitest";

import { sniffImage } from "./sniff-image.ts";

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
])("knows %j as %s", (head, type) => {
  expect(sniffImage(latin1(`${head}rest`))).toBe(type);
});

it.each(["", "<svg xmlns=", "<!doctype html>", "%PDF-1.7", "\0\0\0\u001cftypisom", "RIFF....WAVE"])(
  "takes %j for no picture",
  (head) => {
    expect(sniffImage(latin1(head))).toBeUndefined();
  },
);
