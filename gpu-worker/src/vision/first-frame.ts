import type { ImageFormat } from "./image-format.ts";

/**
 * The file without the frames after its first, for formats whose decoder visits them all even for
 * the header: 100,000 WebP frames of 5 MB in all took it minutes, as many TIFF pages a second.
 * Files with one frame, and other formats, come back as they are.
 */
export function firstFrame(bytes: Uint8Array, format: ImageFormat): Uint8Array {
  if (format === "WebP") {
    return webpFirstFrame(bytes);
  }
  return format === "TIFF" ? tiffFirstPage(bytes) : bytes;
}

/** `RIFF`, a length, `WEBP`. */
const RIFF_HEADER = 12;
/** A chunk's name and length. */
const CHUNK_HEADER = 8;

function webpFirstFrame(bytes: Uint8Array): Uint8Array {
  const chunks = [...riffChunks(bytes)];
  const first = chunks.find(({ name }) => name === "ANMF");
  const kept = chunks.filter((chunk) => chunk.name !== "ANMF" || chunk === first);
  if (kept.length === chunks.length) {
    return bytes;
  }
  const file = Buffer.concat([
    bytes.subarray(0, RIFF_HEADER),
    ...kept.map(({ start, end }) => bytes.subarray(start, end)),
  ]);
  file.writeUInt32LE(file.length - CHUNK_HEADER, 4);
  return file;
}

/** The chunks of a RIFF file, headers and padding included; a cut-off one ends with the file. */
function* riffChunks(bytes: Uint8Array): Generator<{ name: string; start: number; end: number }> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = RIFF_HEADER;
  while (start + CHUNK_HEADER <= file.length) {
    const length = file.readUInt32LE(start + 4);
    const end = Math.min(start + CHUNK_HEADER + length + (length % 2), file.length);
    yield { name: file.toString("latin1", start, start + 4), start, end };
    start = end;
  }
}

/** Ends the list of a TIFF's directories after the first: a count, 12 bytes a field, the next one. */
function tiffFirstPage(bytes: Uint8Array): Uint8Array {
  const isLittleEndian = bytes[0] === "I".charCodeAt(0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const has = (offset: number, length: number) => offset + length <= bytes.length;

  const directory = has(4, 4) ? view.getUint32(4, isLittleEndian) : bytes.length;
  const fields = has(directory, 2) ? view.getUint16(directory, isLittleEndian) : 0;
  const next = directory + 2 + fields * 12;
  if (!has(next, 4) || view.getUint32(next) === 0) {
    return bytes;
  }
  return Buffer.from(bytes).fill(0, next, next + 4);
}
