import koffi from "koffi";

/** Advice of Linux' madvise(2) that is used here. */
export const ADVICE = {
  /** The pages are dropped at once and read as zeros afterwards. */
  dontNeed: 4,
  /** MADV_COLLAPSE of Linux 6.1: moves what the range holds into huge pages, whatever the system's default. */
  collapse: 25,
} as const;

/** Takes an address of whole pages, a length in bytes and an advice; undefined where there is no such call. */
export const madvise =
  process.platform === "linux"
    ? koffi.load(null).func("int madvise(uint64_t address, size_t length, int advice)")
    : undefined;

/** The first address from this one on that is a multiple of `unit`. */
export function alignUp(address: bigint, unit: bigint): bigint {
  return ((address + unit - 1n) / unit) * unit;
}
