import type { MediaType } from "./sniff-media.ts";

/** Boxes of one level to go through; files have about ten. */
const MAX_BOXES = 1000;

/**
 * Length in milliseconds that an MP4 or QuickTime clip tells; undefined for any other, which only
 * the GPU worker measures. It sets limits aside and decides nothing else.
 */
export function clipLengthMs(type: MediaType, bytes: Uint8Array): number | undefined {
  if (type !== "video/mp4") {
    return undefined;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const movie = findBox(view, "moov", { start: 0, end: view.byteLength });
    const header = movie && findBox(view, "mvhd", movie);
    return header && movieLengthMs(view, header.start);
  } catch (error) {
    if (error instanceof RangeError) {
      return undefined; // the file is cut off
    }
    throw error;
  }
}

interface Span {
  start: number;
  end: number;
}

/** The content of the first box of a name within a span. */
function findBox(view: DataView, name: string, { start, end }: Span): Span | undefined {
  let offset = start;
  for (let box = 0; box < MAX_BOXES && offset + 8 <= end; box++) {
    const short = view.getUint32(offset);
    const isLong = short === 1;
    const size = isLong ? Number(view.getBigUint64(offset + 8)) : short;
    const header = isLong ? 16 : 8;
    const boxEnd = short === 0 ? end : offset + size;
    if (boxEnd < offset + header) {
      return undefined;
    }
    if (nameAt(view, offset + 4) === name) {
      return { start: offset + header, end: Math.min(boxEnd, end) };
    }
    offset = boxEnd;
  }
  return undefined;
}

function nameAt(view: DataView, offset: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(offset + index)));
}

/** `mvhd`: version, times, then the time scale and the duration in it. */
function movieLengthMs(view: DataView, start: number): number | undefined {
  const isLong = view.getUint8(start) === 1;
  const scale = view.getUint32(start + (isLong ? 20 : 12));
  const duration = isLong ? Number(view.getBigUint64(start + 24)) : view.getUint32(start + 16);
  return scale === 0 ? undefined : Math.ceil((duration * 1000) / scale);
}
