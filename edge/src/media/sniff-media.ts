/** Media types that the GPU worker decodes. SVG is a document, not a picture. */
export type MediaType =
  | "image/jpeg"
  | "image/png"
  | "image/webp"
  | "image/gif"
  | "image/avif"
  | "image/heic"
  | "image/tiff"
  | "image/bmp"
  | "video/mp4"
  | "video/x-matroska"
  | "video/x-msvideo"
  | "video/mpeg";

/** In latin-1; a dot stands for any byte. */
const SIGNATURES: readonly (readonly [RegExp, MediaType])[] = [
  [/^\xff\xd8\xff/, "image/jpeg"],
  [/^\x89PNG\r\n.\n/, "image/png"],
  [/^RIFF.{4}WEBP/s, "image/webp"],
  [/^GIF8[79]a/, "image/gif"],
  // ISO base media: the major brand, or a compatible one when the major brand is generic.
  [/^.{4}ftypavi[fs]/s, "image/avif"],
  [/^.{4}ftyp(?:mif1|msf1).{4}(?:.{4}){0,11}avi[fs]/s, "image/avif"],
  [/^.{4}ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)/s, "image/heic"],
  [/^(?:II\*\0|MM\0\*)/, "image/tiff"],
  [/^BM/, "image/bmp"],
  // MP4 and QuickTime: any other `ftyp`, or the boxes that old QuickTime files begin with.
  [/^.{4}(?:ftyp|moov|mdat|wide|free|skip)/s, "video/mp4"],
  [/^\x1a\x45\xdf\xa3/, "video/x-matroska"],
  [/^RIFF.{4}AVI /s, "video/x-msvideo"],
  // A program stream, an elementary stream, or a transport stream, whose packets have 188 bytes.
  [/^\0\0\x01[\xba\xb3]/, "video/mpeg"],
  [/^G.{187}G/s, "video/mpeg"],
];

/** Bytes that suffice to tell every type: two packets of a transport stream. */
export const SNIFFED_BYTES = 192;

/** The type by the first bytes; what a server or a `data:` URL claims does not count. */
export function sniffMedia(bytes: Uint8Array): MediaType | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, SNIFFED_BYTES));
  return SIGNATURES.find(([signature]) => signature.test(head))?.[1];
}
