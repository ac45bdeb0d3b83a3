/** Tokens of a prompt that a step may run; between them is little to gain. Ascending. */
export const CHUNK_SIZES = [32, 64, 128, 256, 512] as const;

/** When nobody would notice: larger chunks gain little, and keep what comes next waiting. */
export const LONE_PREFILL_CHUNK = 512;

/** How long one chunk took. */
export interface ChunkTime {
  tokens: number;
  milliseconds: number;
}

/** The largest chunk that stalls running answers no longer than so; the smallest where none is that short. */
export function chunkWithin(maxStallMs: number, measured: readonly ChunkTime[]): number {
  return measured.reduce<number>(
    (most, { tokens, milliseconds }) =>
      milliseconds <= maxStallMs ? Math.max(most, tokens) : most,
    CHUNK_SIZES[0],
  );
}
