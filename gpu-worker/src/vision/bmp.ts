// oxlint-disable typescript/no-non-null-assertion -- kernel over typed arrays, indexed per sample
import { ApiError } from "@qwen3-vl/shared/errors";

import type { RgbImage } from "./resample.ts";
import { toRgb } from "./rgb-samples.ts";
import type { PixelSize } from "./smart-resize.ts";

/** The fields of a BMP that decide its pixels. */
export interface BmpHeader extends PixelSize {
  isTopDown: boolean;
  bitsPerPixel: number;
  /** Offsets in the file. */
  palette: number;
  pixels: number;
  /** Bytes of a palette entry: 3 in OS/2's header, else 4. */
  paletteEntry: 3 | 4;
  /** Bits of red, green, blue and alpha in a pixel of 16 or 32 bits. */
  masks: readonly [number, number, number, number];
  hasAlpha: boolean;
}

type Masks = BmpHeader["masks"];

const FILE_HEADER = 14;
const OS2_HEADER = 12;
const WINDOWS_HEADER = 40;
/** From this version on the header itself holds the masks, the one of alpha too. */
const WINDOWS_V3_HEADER = 56;

const UNCOMPRESSED = 0;
const BIT_FIELDS = 3;

const MASKS_555: Masks = [0x7c00, 0x03e0, 0x001f, 0];
const MASKS_888: Masks = [0xff0000, 0x00ff00, 0x0000ff, 0];

/** Reads the header of an uncompressed BMP (sharp knows none); pixels stay untouched. */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const pixels = view.getUint32(10, true);
    const headerSize = view.getUint32(FILE_HEADER, true);
    const header =
      headerSize === OS2_HEADER ? os2Header(view, pixels) : windowsHeader(view, headerSize, pixels);
    if (header.width < 1 || header.height < 1) {
      throw invalidBmp(`sides of at least 1 pixel`, `${header.width} x ${header.height}`);
    }
    return header;
  } catch (error) {
    throw error instanceof RangeError ? invalidBmp("a whole header", "one cut off") : error;
  }
}

/** Decodes an uncompressed BMP. */
export function decodeBmp(bytes: Uint8Array): RgbImage {
  const header = readBmpHeader(bytes);
  const { width, height, bitsPerPixel, hasAlpha, isTopDown } = header;
  const rowBytes = Math.ceil((width * bitsPerPixel) / 32) * 4;
  const end = header.pixels + rowBytes * height;
  if (end > bytes.length) {
    throw invalidBmp(`${end} bytes`, String(bytes.length));
  }
  const channels = hasAlpha ? 4 : 3;
  const data = new Uint8Array(width * height * channels);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const readRow = bitsPerPixel <= 8 ? readPaletteRow : readColourRow;
  for (let y = 0; y < height; y++) {
    const row = header.pixels + (isTopDown ? y : height - 1 - y) * rowBytes;
    readRow(view, row, header, data.subarray(y * width * channels, (y + 1) * width * channels));
  }
  return toRgb({ data, width, height, colours: "rgb", hasAlpha });
}

function os2Header(view: DataView, pixels: number): BmpHeader {
  return {
    width: view.getUint16(18, true),
    height: view.getUint16(20, true),
    isTopDown: false,
    bitsPerPixel: oneOf([1, 4, 8, 24], view.getUint16(24, true)),
    palette: FILE_HEADER + OS2_HEADER,
    paletteEntry: 3,
    pixels,
    masks: MASKS_888,
    hasAlpha: false,
  };
}

function windowsHeader(view: DataView, headerSize: number, pixels: number): BmpHeader {
  if (headerSize < WINDOWS_HEADER) {
    throw invalidBmp(`a header of at least ${WINDOWS_HEADER} bytes`, String(headerSize));
  }
  const signedHeight = view.getInt32(22, true);
  const compression = view.getUint32(30, true);
  if (compression !== UNCOMPRESSED && compression !== BIT_FIELDS) {
    throw invalidBmp("no compression", `compression ${compression}`);
  }
  const allowedBits = compression === BIT_FIELDS ? [16, 32] : [1, 4, 8, 16, 24, 32];
  const bitsPerPixel = oneOf(allowedBits, view.getUint16(28, true));
  const plainMasks = bitsPerPixel === 16 ? MASKS_555 : MASKS_888;
  const masks = compression === BIT_FIELDS ? fileMasks(view, headerSize) : plainMasks;
  return {
    width: view.getInt32(18, true),
    height: Math.abs(signedHeight),
    isTopDown: signedHeight < 0,
    bitsPerPixel,
    palette: FILE_HEADER + headerSize,
    paletteEntry: 4,
    pixels,
    masks,
    hasAlpha: masks[3] !== 0,
  };
}

function fileMasks(view: DataView, headerSize: number): Masks {
  const start = FILE_HEADER + WINDOWS_HEADER;
  const alpha = headerSize >= WINDOWS_V3_HEADER ? view.getUint32(start + 12, true) : 0;
  return [
    view.getUint32(start, true),
    view.getUint32(start + 4, true),
    view.getUint32(start + 8, true),
    alpha,
  ];
}

/** Colours by index; an index beyond the palette reads as black. */
function readPaletteRow(view: DataView, row: number, header: BmpHeader, into: Uint8Array): void {
  const { width, bitsPerPixel, palette, paletteEntry, pixels } = header;
  for (let x = 0; x < width; x++) {
    const bit = x * bitsPerPixel;
    const shift = 8 - bitsPerPixel - (bit % 8);
    const index = (view.getUint8(row + (bit >> 3)) >> shift) & ((1 << bitsPerPixel) - 1);
    const entry = palette + index * paletteEntry;
    if (entry + 3 <= pixels) {
      into[x * 3] = view.getUint8(entry + 2);
      into[x * 3 + 1] = view.getUint8(entry + 1);
      into[x * 3 + 2] = view.getUint8(entry);
    }
  }
}

function readColourRow(view: DataView, row: number, header: BmpHeader, into: Uint8Array): void {
  const { width, bitsPerPixel, hasAlpha, masks } = header;
  const step = bitsPerPixel / 8;
  const channels = hasAlpha ? 4 : 3;
  for (let x = 0; x < width; x++) {
    const at = row + x * step;
    const pixel = readPixel(view, at, step);
    for (let channel = 0; channel < channels; channel++) {
      into[x * channels + channel] = maskedByte(pixel, masks[channel]!);
    }
  }
}

function readPixel(view: DataView, at: number, bytes: number): number {
  if (bytes === 4) {
    return view.getUint32(at, true);
  }
  const low = view.getUint16(at, true);
  return bytes === 2 ? low : low | (view.getUint8(at + 2) << 16);
}

/** The bits of `mask`, stretched to a byte; rounds down, as Pillow does. */
function maskedByte(pixel: number, mask: number): number {
  if (mask === 0) {
    return 0;
  }
  const lowestBit = (mask & -mask) >>> 0;
  const value = ((pixel & mask) >>> 0) / lowestBit;
  return Math.floor((value * 255) / Math.floor(mask / lowestBit));
}

function oneOf(allowed: readonly number[], bits: number): number {
  if (!allowed.includes(bits)) {
    throw invalidBmp(`${allowed.join(", ")} bits a pixel`, String(bits));
  }
  return bits;
}

function invalidBmp(expected: string, got: string): ApiError {
  return new ApiError("invalid_media", `expected a BMP with ${expected}, got ${got}`);
}
