import type { Piece } from "./literal-splitter.ts";
import type { ClipMedium } from "./prompt-media.ts";

const VISION_START = "<|vision_start|>";
const VIDEO_PAD = "<|video_pad|>";
const VISION_END = "<|vision_end|>";

/**
 * Replaces what the template writes for each clip, start, placeholder and end, by the same for each of
 * its frame pairs with its time before: `<0.3 seconds>`. The times are text like any other and may be
 * tokenised together with what stands before them, as in the reference.
 *
 * @throws Error when the template wrote another number of clips than there are
 */
export function writeTimestamps(pieces: readonly Piece[], clips: readonly ClipMedium[]): Piece[] {
  const written: Piece[] = [];
  let clip = 0;
  for (let index = 0; index < pieces.length; index++) {
    const piece = pieces[index];
    if (isClipAt(pieces, index)) {
      written.push(...(clips[clip++]?.timestamps ?? []).flatMap(framePairPieces));
      index += 2;
    } else if (piece !== undefined) {
      written.push(piece);
    }
  }
  if (clip !== clips.length) {
    throw new Error(`the prompt has places for ${clip} clips of ${clips.length}`);
  }
  return joinTexts(written);
}

function isClipAt(pieces: readonly Piece[], index: number): boolean {
  return [VISION_START, VIDEO_PAD, VISION_END].every((token, offset) => {
    const piece = pieces[index + offset];
    return piece?.isLiteral === true && piece.text === token;
  });
}

function framePairPieces(timestamp: string): Piece[] {
  return [
    { text: `<${timestamp} seconds>`, isLiteral: false },
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
