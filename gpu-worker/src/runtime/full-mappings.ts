import { alignUp } from "./madvise.ts";

/** A range of the process's memory, from a huge page's start on and of whole huge pages. */
export interface Mapping {
  start: bigint;
  bytes: number;
}

/** Of x86-64 and of ARM with pages of 4 KiB; where they are larger, the kernel refuses these ranges. */
const HUGE_PAGE = 2n ** 21n;

/** Below this a mapping is hardly weights, and is not worth a call. */
const MIN_BYTES = 2 ** 22;

/** `start-end rw-p offset device inode`, and no file behind it; the heap is told by name. */
const ANONYMOUS = /^([0-9a-f]+)-([0-9a-f]+) rw-p [0-9a-f]+ 00:00 0\s*(?:\[heap\])?$/;

/**
 * Large private mappings without a file that are in memory as a whole, but for a twentieth, and mostly
 * in small pages; from the text of Linux' `/proc/self/smaps`.
 */
export function fullMappings(smaps: string): Mapping[] {
  const found: Mapping[] = [];
  for (const entry of smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const [, first, last] = ANONYMOUS.exec(entry.slice(0, entry.indexOf("\n")).trimEnd()) ?? [];
    if (first === undefined || last === undefined) {
      continue;
    }
    const start = alignUp(BigInt(`0x${first}`), HUGE_PAGE);
    const bytes = Number((BigInt(`0x${last}`) / HUGE_PAGE) * HUGE_PAGE - start);
    const resident = bytesOf(entry, "Rss");
    const isFull = resident >= 0.95 * bytes;
    const isSmall = bytesOf(entry, "AnonHugePages") < resident / 2;
    if (bytes >= MIN_BYTES && isFull && isSmall) {
      found.push({ start, bytes });
    }
  }
  return found;
}

function bytesOf(entry: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(entry)?.[1] ?? 0) * 1024;
}
