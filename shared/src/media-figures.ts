import * as z from "zod";

const count = z.int().nonnegative();

/** What the pictures and clips of a request amount to, beside their tokens. */
export const MediaFigures = z.object({
  /** Of pictures, before they are resized. */
  pixels: count,
  /** Length of clips in milliseconds. */
  video_ms: count,
  /** Of clips, as they are sampled. */
  frames: count,
});
export type MediaFigures = z.infer<typeof MediaFigures>;

export const NO_MEDIA: Readonly<MediaFigures> = { pixels: 0, video_ms: 0, frames: 0 };

export function sumOfMedia(figures: readonly MediaFigures[]): MediaFigures {
  const sum = { ...NO_MEDIA };
  for (const { pixels, video_ms, frames } of figures) {
    sum.pixels += pixels;
    sum.video_ms += video_ms;
    sum.frames += frames;
  }
  return sum;
}
