// oxlint-disable typescript/no-non-null-assertion -- kernel over typed arrays, indexed per sample
import type { RgbImage } from "./resample.ts";

/** Bytes of FFmpeg's display matrix: nine 32-bit numbers. */
const MATRIX_BYTES = 36;

/** Clockwise quarter turns, 0 to 3, that a display matrix asks for; others than quarters are left alone. */
export function quarterTurns(matrix: Buffer | null): number {
  if (matrix === null || matrix.length < MATRIX_BYTES) {
    return 0;
  }
  const [a, b] = [matrix.readInt32LE(0), matrix.readInt32LE(4)];
  const turns = Math.round(Math.atan2(b, a) / (Math.PI / 2));
  return (turns + 4) % 4;
}

/** The picture after so many clockwise quarter turns. */
export function rotate(image: RgbImage, turns: number): RgbImage {
  let rotated = image;
  for (let turn = 0; turn < turns; turn++) {
    rotated = rotateOnce(rotated);
  }
  return rotated;
}

function rotateOnce({ data, width, height }: RgbImage): RgbImage {
  const turned = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 3;
      const to = (x * height + (height - 1 - y)) * 3;
      turned[to] = data[from]!;
      turned[to + 1] = data[from + 1]!;
      turned[to + 2] = data[from + 2]!;
    }
  }
  return { data: turned, width: height, height: width };
}
