import { roundHalfEven } from "./round.ts";

/**
 * The mean time of each pair of frames in seconds, written as Python's `%.1f` writes it: of the binary
 * value, not of its decimals. An odd last frame is its own second frame.
 *
 * @param fps frames a second of the clip that `indices` count in
 */
export function pairTimes(indices: readonly number[], fps: number): string[] {
  const times: string[] = [];
  for (let first = 0; first < indices.length; first += 2) {
    const start = indices[first] ?? 0;
    const end = indices[first + 1] ?? start;
    times.push(oneDecimal((start / fps + end / fps) / 2));
  }
  return times;
}

/** `toFixed` rounds a value that lies exactly between two up; Python rounds it to the even one. */
function oneDecimal(value: number): string {
  const isTie = Number.isInteger(value * 4) && !Number.isInteger(value * 2);
  return (isTie ? roundHalfEven(value * 10) / 10 : value).toFixed(1);
}
