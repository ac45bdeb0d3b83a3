import { readFileSync } from "node:fs";

import { fullMappings } from "./full-mappings.ts";
import { ADVICE, madvise } from "./madvise.ts";

/** One call at a time holds up whoever else wants memory; 64 MB take some 0.1 s. */
const PIECE_BYTES = 2 ** 26;

/**
 * Moves the large memory that the process holds by now, the weights, into huge pages, on a thread of
 * koffi's: decoding reads all of it for each token and is an eighth faster at 2B size when fewer pages
 * must be looked up. Nothing else changes, so where the system cannot do that nothing happens.
 *
 * Which memory that is, is looked up before this returns: what is reserved afterwards, as a KV cache is,
 * may join a mapping, which then is hardly in use.
 */
export async function useHugePages(signal: AbortSignal): Promise<void> {
  for (const { start, bytes } of madvise === undefined ? [] : fullMappings(readSmaps())) {
    for (let done = 0; done < bytes && !signal.aborted; done += PIECE_BYTES) {
      await collapse(start + BigInt(done), Math.min(PIECE_BYTES, bytes - done));
    }
  }
}

function readSmaps(): string {
  try {
    return readFileSync("/proc/self/smaps", "latin1");
  } catch {
    return ""; // a system that does not tell
  }
}

function collapse(address: bigint, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    madvise?.async(address, bytes, ADVICE.collapse, () => resolve());
  });
}
