import { ApiError } from "@qwen3-vl/shared/errors";

/** FFmpeg's demuxers that are used, and nothing else: none of them follows references to other files. */
export type Container = "mov" | "matroska" | "avi" | "mpeg" | "mpegvideo" | "mpegts";

/** In latin-1; a dot stands for any byte. HEIC and AVIF begin like an MP4, but are pictures. */
const SIGNATURES: readonly (readonly [RegExp, Container])[] = [
  [/^.{4}(?:ftyp(?!hei|hev|mif1|msf1|avi[fs])|moov|mdat|wide|free|skip)/s, "mov"],
  [/^\x1a\x45\xdf\xa3/, "matroska"],
  [/^RIFF.{4}AVI /s, "avi"],
  [/^\0\0\x01\xba/, "mpeg"],
  [/^\0\0\x01\xb3/, "mpegvideo"],
  [/^G.{187}G/s, "mpegts"],
];

/** Two packets of a transport stream. */
export const SNIFFED_BYTES = 192;

/**
 * The container by its first bytes, so that FFmpeg need not guess: its guesses include playlists.
 *
 * @throws ApiError `invalid_media`
 */
export function sniffContainer(bytes: Uint8Array): Container {
  const head = String.fromCharCode(...bytes.subarray(0, SNIFFED_BYTES));
  const found = SIGNATURES.find(([signature]) => signature.test(head));
  if (found === undefined) {
    throw new ApiError(
      "invalid_media",
      "expected a clip (MP4, MOV, MKV, WebM, AVI or MPEG), got bytes of another type",
    );
  }
  return found[1];
}
