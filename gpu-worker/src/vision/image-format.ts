// oxlint-disable no-control-regex -- signatures of binary formats contain control bytes
import { ApiError } from "@qwen3-vl/shared/errors";

/** Formats this worker decodes. */
export type ImageFormat = "JPEG" | "PNG" | "WebP" | "GIF" | "AVIF" | "TIFF" | "BMP";

const EXPECTED = "expected a JPEG, PNG, WebP, GIF, AVIF, TIFF or BMP picture";

/** First bytes of a format, in Latin-1; `.` stands for any byte. */
const SIGNATURES: readonly [ImageFormat, RegExp][] = [
  ["JPEG", /^\xff\xd8\xff/],
  ["PNG", /^\x89PNG\r\n\x1a\n/],
  ["WebP", /^RIFF[^]{4}WEBP/],
  ["GIF", /^GIF8[79]a/],
  // A box `ftyp` that names AVIF among its brands, each of 4 bytes.
  ["AVIF", /^\0\0\0[\x10-\xff]ftyp(?:[^]{4})*?avi[fs]/],
  // BigTIFF (+ for *) is for files beyond 4 GiB.
  ["TIFF", /^(?:II\*\0|MM\0\*)/],
  ["BMP", /^BM/],
];

/** What people send instead, so that the refusal can name it. */
const REFUSED: readonly [string, RegExp][] = [
  ["an SVG, which is not pixels", /^(?:\xef\xbb\xbf)?\s*<(?:[^]*<)?svg[\s/>]/i],
  ["a text document", /^(?:\xef\xbb\xbf)?\s*[<{#]/],
  ["a HEIC, which this server cannot decode", /^\0\0\0[^]ftyp(?:hei|hev|mif1|msf1)/],
  ["a JPEG XL, which this server cannot decode", /^(?:\xff\x0a|\0\0\0\x0cJXL )/],
  ["a video", /^(?:[^]{4}ftyp|\x1aE\xdf\xa3|RIFF[^]{4}AVI )/],
  ["a PDF", /^%PDF/],
];

/** Bytes looked at: no signature needs more, and `ftyp` boxes are shorter. */
const SNIFFED_BYTES = 256;

/**
 * Tells the format from the first bytes, whatever a header or file name claims. Everything else is
 * refused here, so that no other parser of the decoding library ever sees a client's bytes.
 */
export function imageFormat(bytes: Uint8Array): ImageFormat {
  if (bytes.length === 0) {
    throw new ApiError("invalid_media", `${EXPECTED}, got 0 bytes`);
  }
  const start = Buffer.from(bytes.subarray(0, SNIFFED_BYTES)).toString("latin1");
  const format = SIGNATURES.find(([, signature]) => signature.test(start))?.[0];
  if (format === undefined) {
    const got = REFUSED.find(([, signature]) => signature.test(start))?.[0] ?? "unknown bytes";
    throw new ApiError("invalid_media", `${EXPECTED}, got ${got}`);
  }
  return format;
}
