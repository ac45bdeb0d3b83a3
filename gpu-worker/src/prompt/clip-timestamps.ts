import type { Piece } from "./literal-splitter.ts";
import type { ClipMedium } from "./prompt-media.ts";

const VISION_START = "<|vision_start|>";
const VIDEO_PAD = "<|video_pad|>";
const VISION_END = "<|vision_end|>";

/**
 * Replaces the placeholder of each clip by its frame pairs, each with its time before it:
 * `<0.3 seconds>`. The start and end that the template writes around the placeholder stay, as
 * transformers 5 keeps them. The times are text like any other and may be tokenised together with
 * what stands before them.
 *
 * @throws Error when the template wrote another number of clips than there are
 */
export function writeTimestamps(pieces: readonly Piece[], clips: readonly ClipMedium[]): Piece[] {
  const written: Piece[] = [];
  let clip = 0;
  for (const piece of pieces) {
    if (piece.isLiteral && piece.text === VIDEO_PAD) {
      written.push(...(clips[clip++]?.timestamps ?? []).flatMap(framePairPieces));
    } else {
      written.push(piece);
    }
  }
  if (clip !== clips.length) {
    throw new Error(`the prompt has places for ${clip} clips of ${clips.length}`);
  }
  return joinTexts(written);
}

export function timestampText(timestamp: string): string {
  return `<${timestamp} seconds>`;
}

function framePairPieces(timestamp: string): Piece[] {
  return [
    { text: timestampText(timestamp), isLiteral: false },
    ...[VISION_START, VIDEO_PAD, VISION_END].map((text) => ({ text, isLiteral: true })),
  ];
}

function joinTexts(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (last !== undefined && !last.isLiteral && !piece.isLiteral) {
      joined[joined.length - 1] = { text: last.text + piece.text, isLiteral: false };
    } else {
      joined.push(piece);
    }
  }
  return joined;
}
