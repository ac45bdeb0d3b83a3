import type { Model } from "./engine/model.ts";
import { CHUNK_SIZES } from "./engine/prefill-chunk.ts";
import type { ChunkTime } from "./engine/prefill-chunk.ts";

/** Attention takes longer behind a long context; chunks are measured behind this much of one. */
const CONTEXT_TOKENS = 4096;

/**
 * Times chunks of a prompt on a model that does nothing else, in ascending sizes up to the first that
 * takes longer than `enoughMs`. Slot 0 is used for it and left empty.
 */
export async function measureChunks(model: Model, enoughMs: number): Promise<ChunkTime[]> {
  const measured: ChunkTime[] = [];
  for (const tokens of CHUNK_SIZES) {
    const cachedTokens = Math.min(CONTEXT_TOKENS, model.slotCapacity - tokens);
    if (cachedTokens < 0) {
      break;
    }
    if (measured.length === 0) {
      await chunkTime(model, cachedTokens, tokens); // the first run also allocates
    }
    const milliseconds = await chunkTime(model, cachedTokens, tokens);
    measured.push({ tokens, milliseconds });
    if (milliseconds > enoughMs) {
      break;
    }
  }
  model.clearSlot(0);
  return measured;
}

async function chunkTime(model: Model, cachedTokens: number, tokens: number): Promise<number> {
  const begun = performance.now();
  await model.forward([
    {
      slot: 0,
      cachedTokens,
      tokenIds: new Int32Array(tokens),
      positions: new Int32Array(3 * tokens).fill(cachedTokens),
      vision: undefined,
      wantsLogits: true,
    },
  ]);
  return performance.now() - begun;
}
