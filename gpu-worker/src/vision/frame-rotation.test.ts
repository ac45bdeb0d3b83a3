import { expect, it } from "vitest";

import { quarterTurns, rotate } from "./frame-rotation.ts";

function matrix(a: number, b: number): Buffer {
  const buffer = Buffer.alloc(36);
  buffer.writeInt32LE(a * 65_536, 0);
  buffer.writeInt32LE(b * 65_536, 4);
  return buffer;
}

it("reads quarter turns from a display matrix", () => {
  expect([matrix(1, 0), matrix(0, 1), matrix(-1, 0), matrix(0, -1)].map(quarterTurns)).toEqual([
    0, 1, 2, 3,
  ]);
  expect(quarterTurns(null)).toBe(0);
});

it("turns a picture clockwise", () => {
  const image = { width: 2, height: 1, data: Uint8Array.of(1, 1, 1, 2, 2, 2) };
  expect(rotate(image, 1)).toEqual({ width: 1, height: 2, data: image.data });
  expect([...rotate(image, 2).data]).toEqual([2, 2, 2, 1, 1, 1]);
});
