import { describe, expect, it } from "vitest";

import { imageFormat } from "./image-format.ts";

const latin1 = (text: string) => Buffer.from(text, "latin1");

describe("imageFormat", () => {
  it.each([
    ["JPEG", "\xff\xd8\xff\xe0"],
    ["PNG", "\x89PNG\r\n\x1a\n"],
    ["WebP", "RIFF\0\0\0\0WEBPVP8 "],
    ["GIF", "GIF89a"],
    ["AVIF", "\0\0\0\x20ftypavif\0\0\0\0"],
    ["AVIF", "\0\0\0\x20ftypmif1\0\0\0\0miafavif"],
    ["TIFF", "II*\0"],
    ["TIFF", "MM\0*"],
    ["BMP", "BM"],
  ])("knows %s by its first bytes", (format, start) => {
    expect(imageFormat(latin1(start))).toBe(format);
  });

  it.each([
    ["0 bytes", ""],
    ["an SVG", '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    ["an SVG", '\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x --><svg>'],
    ["a text document", "<!doctype html><script>/*\xff\xd8\xff"],
    ["a HEIC", "\0\0\0\x18ftypheic\0\0\0\0mif1heic"],
    ["a video", "\0\0\0\x18ftypisom"],
    ["a PDF", "%PDF-1.7"],
    ["unknown bytes", "\x1f\x8b\x08"],
  ])("refuses %s, and says so", (got, start) => {
    expect(() => imageFormat(latin1(start))).toThrow(
      expect.objectContaining({
        code: "invalid_media",
        message: expect.stringMatching(`^expected a JPEG, .* or BMP picture, got ${got}`),
      }),
    );
  });
});
