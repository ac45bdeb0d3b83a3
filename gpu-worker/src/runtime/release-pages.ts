import koffi from "koffi";

/** Pages of memory are at least this large, and a multiple of it on every platform. */
const PAGE_BYTES = 65_536;

/** MADV_DONTNEED of Linux: the pages are dropped at once and read as zeros afterwards. */
const DONT_NEED = 4;

const madvise =
  process.platform === "linux"
    ? koffi.load(null).func("int madvise(void *address, size_t length, int advice)")
    : undefined;

/**
 * Gives the whole pages of an array back to the system; its content is lost. Where the system cannot
 * do that the memory stays, and is used again.
 */
export function releasePages(data: Float32Array<ArrayBuffer>): void {
  const start = koffi.address(data);
  const first = roundUp(start);
  const last = roundUp(start + BigInt(data.byteLength)) - BigInt(PAGE_BYTES);
  if (madvise !== undefined && last > first) {
    madvise(first, Number(last - first), DONT_NEED);
  }
}

function roundUp(address: bigint): bigint {
  const page = BigInt(PAGE_BYTES);
  return ((address + page - 1n) / page) * page;
}
