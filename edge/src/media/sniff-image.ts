/** Media types of pictures that the GPU worker decodes. SVG is a document, not a picture. */
export type ImageType =
  | "image/jpeg"
  | "image/png"
  | "image/webp"
  | "image/gif"
  | "image/avif"
  | "image/heic"
  | "image/tiff"
  | "image/bmp";

/** In latin-1; a dot stands for any byte. */
const SIGNATURES: readonly (readonly [RegExp, ImageType])[] = [
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
];

/** Bytes that suffice to tell every type: an `ftyp` box with a dozen brands. */
const SNIFFED_BYTES = 64;

/** The type by the first bytes; what a server or a `data:` URL claims does not count. */
export function sniffImage(bytes: Uint8Array): ImageType | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, SNIFFED_BYTES));
  return SIGNATURES.find(([signature]) => signature.test(head))?.[1];
}
