import type { PixelSize } from "./smart-resize.ts";

/** How a picture or clip was cut: frame pairs, rows and columns, all counted in patches. */
export interface Grid {
  t: number;
  h: number;
  w: number;
}

/** The grid of `size` pixels, whose sides are multiples of `patchSize`; `t` frame groups. */
export function gridOf({ height, width }: PixelSize, patchSize: number, t = 1): Grid {
  return { t, h: height / patchSize, w: width / patchSize };
}

/** Vision tokens of a grid: one for each window of `merge` × `merge` patches. */
export function tokensOf({ t, h, w }: Grid, merge: number): number {
  if (h % merge !== 0 || w % merge !== 0) {
    throw new RangeError(`grid ${h} × ${w} is not a multiple of the merge size ${merge}`);
  }
  return (t * h * w) / (merge * merge);
}
