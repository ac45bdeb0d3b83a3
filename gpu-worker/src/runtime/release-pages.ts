import koffi from "koffi";

import { ADVICE, alignUp, madvise } from "./madvise.ts";

/** A multiple of every platform's pages. */
const PAGE_BYTES = 65_536n;

/**
 * Gives the whole pages of an array back to the system; its content is lost. Where the system cannot
 * do that the memory stays, and is used again.
 */
export function releasePages(data: Float32Array<ArrayBuffer>): void {
  const start = koffi.address(data);
  const first = alignUp(start, PAGE_BYTES);
  const last = alignUp(start + BigInt(data.byteLength), PAGE_BYTES) - PAGE_BYTES;
  if (madvise !== undefined && last > first) {
    madvise(first, Number(last - first), ADVICE.dontNeed);
  }
}
