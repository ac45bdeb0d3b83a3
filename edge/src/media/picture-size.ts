import type { MediaType } from "./sniff-media.ts";

export interface PictureSize {
  width: number;
  height: number;
}

type ReadSize = (view: DataView) => PictureSize | undefined;

const READERS: Readonly<Partial<Record<MediaType, ReadSize>>> = {
  "image/png": (view) => ({ width: view.getUint32(16), height: view.getUint32(20) }),
  "image/gif": (view) => ({ width: view.getUint16(6, true), height: view.getUint16(8, true) }),
  "image/bmp": bmpSize,
  "image/jpeg": jpegSize,
  "image/webp": webpSize,
  "image/tiff": tiffSize,
  "image/avif": largestItem,
  "image/heic": largestItem,
};

/**
 * Sides of a picture as its header tells them, without decoding anything; undefined where it tells
 * none. What is read here only sets limits aside: the GPU worker refuses what is bad.
 */
export function pictureSize(type: MediaType, bytes: Uint8Array): PictureSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return READERS[type]?.(view);
  } catch (error) {
    if (error instanceof RangeError) {
      return undefined; // the header is cut off
    }
    throw error;
  }
}

const OS2_HEADER_BYTES = 12;

/** A negative height stands for rows from the top. */
function bmpSize(view: DataView): PictureSize {
  return view.getUint32(14, true) === OS2_HEADER_BYTES
    ? { width: view.getUint16(18, true), height: view.getUint16(20, true) }
    : { width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)) };
}

/** Goes from segment to segment until a start of frame (C0 to CF, but for DHT, JPG and DAC). */
function jpegSize(view: DataView): PictureSize | undefined {
  let offset = 2;
  for (;;) {
    const [prefix, marker] = [view.getUint8(offset), view.getUint8(offset + 1)];
    if (prefix !== 0xff) {
      return undefined;
    }
    if (marker === 0xff) {
      offset += 1; // fill bytes
    } else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      offset += 2; // markers without a segment
    } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { height: view.getUint16(offset + 5), width: view.getUint16(offset + 7) };
    } else {
      offset += 2 + Math.max(2, view.getUint16(offset + 2));
    }
  }
}

const VP8 = 0x56503820;
const VP8L = 0x5650384c;
const VP8X = 0x56503858;

function webpSize(view: DataView): PictureSize | undefined {
  switch (view.getUint32(12)) {
    case VP8:
      return {
        width: view.getUint16(26, true) & 0x3fff,
        height: view.getUint16(28, true) & 0x3fff,
      };
    case VP8L: {
      const bits = view.getUint32(21, true);
      return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
    }
    case VP8X:
      return {
        width: 1 + (view.getUint32(24, true) & 0xffffff),
        height: 1 + (view.getUint32(26, true) >>> 8),
      };
    default:
      return undefined;
  }
}

const LITTLE_ENDIAN = 0x4949;
const TIFF_SHORT = 3;
const TIFF_WIDTH = 256;
const TIFF_HEIGHT = 257;

function tiffSize(view: DataView): PictureSize | undefined {
  const little = view.getUint16(0) === LITTLE_ENDIAN;
  const directory = view.getUint32(4, little);
  const entries = view.getUint16(directory, little);
  const sides = new Map<number, number>();
  for (let entry = 0; entry < entries; entry++) {
    const offset = directory + 2 + 12 * entry;
    const isShort = view.getUint16(offset + 2, little) === TIFF_SHORT;
    const value = isShort ? view.getUint16(offset + 8, little) : view.getUint32(offset + 8, little);
    sides.set(view.getUint16(offset, little), value);
  }
  const [width, height] = [sides.get(TIFF_WIDTH), sides.get(TIFF_HEIGHT)];
  return width === undefined || height === undefined ? undefined : { width, height };
}

const ISPE = 0x69737065;

/** The boxes of metadata stand at the beginning, before the pictures. */
const SEARCHED_BYTES = 2 ** 16;

/** A container may hold tiles, thumbnails and masks; the picture is the largest of its items. */
function largestItem(view: DataView): PictureSize | undefined {
  let largest: PictureSize | undefined;
  const end = Math.min(view.byteLength, SEARCHED_BYTES) - 16;
  for (let offset = 0; offset <= end; offset++) {
    if (view.getUint32(offset) === ISPE) {
      const size = { width: view.getUint32(offset + 8), height: view.getUint32(offset + 12) };
      const area = (largest?.width ?? 0) * (largest?.height ?? 0);
      largest = size.width * size.height > area ? size : largest;
    }
  }
  return largest;
}
