import * as z from "zod";

import { CheckpointError } from "./checkpoint-error.ts";
import { DTYPES, isDtype } from "./dtype.ts";
import type { Dtype } from "./dtype.ts";

/** Bytes before the JSON header: its length as a little-endian 64-bit number. */
export const HEADER_LENGTH_BYTES = 8;

/** The reference reader's own bound; the largest published header is below 1 MB. */
export const MAX_HEADER_BYTES = 100_000_000;

/** The 235B checkpoint has about 37,000 tensors in all shards. */
const MAX_TENSORS = 1_000_000;

export interface TensorEntry {
  name: string;
  dtype: Dtype;
  shape: readonly number[];
  /** Byte range in the file. */
  start: number;
  end: number;
}

const Entry = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()).max(8),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const METADATA = "__metadata__";
const Header = z
  .looseObject({ [METADATA]: z.record(z.string(), z.string()).optional() })
  .transform((header) =>
    Object.fromEntries(Object.entries(header).filter(([name]) => name !== METADATA)),
  )
  .pipe(z.record(z.string(), Entry));

/**
 * Reads the JSON header of a safetensors file as hostile input: dtypes, shapes, sizes, ranges inside
 * the file and without overlap.
 *
 * @param json the header's text
 * @param fileBytes length of the whole file
 * @throws CheckpointError
 */
export function parseSafetensorsHeader(
  file: string,
  json: string,
  fileBytes: number,
): TensorEntry[] {
  const dataStart = HEADER_LENGTH_BYTES + Buffer.byteLength(json);
  const entries = Object.entries(parseHeader(file, json)).map(([name, value]) =>
    toEntry(`${file}: ${name}`, name, value, dataStart),
  );
  if (entries.length > MAX_TENSORS) {
    throw new CheckpointError(`${file}: ${entries.length} tensors, at most ${MAX_TENSORS} allowed`);
  }
  assertDisjoint(file, entries, fileBytes);
  return entries;
}

function parseHeader(file: string, json: string): z.infer<typeof Header> {
  try {
    return Header.parse(JSON.parse(json));
  } catch (cause) {
    const [issue] = cause instanceof z.ZodError ? cause.issues : [];
    const where = issue === undefined ? "" : `: ${issue.path.join(".")}: ${issue.message}`;
    throw new CheckpointError(`${file}: the safetensors header is damaged${where}`, { cause });
  }
}

function toEntry(
  where: string,
  name: string,
  { dtype, shape, data_offsets: [start, end] }: z.infer<typeof Entry>,
  dataStart: number,
): TensorEntry {
  if (!isDtype(dtype)) {
    const supported = Object.keys(DTYPES).join(", ");
    throw new CheckpointError(`${where}: dtype ${dtype} is not supported, expected ${supported}`);
  }
  const expected = shape.reduce((product, side) => product * side, DTYPES[dtype].bytes);
  if (end - start !== expected) {
    throw new CheckpointError(
      `${where}: shape [${shape.join(", ")}] of ${dtype} needs ${expected} bytes, got ${end - start}`,
    );
  }
  return { name, dtype, shape, start: dataStart + start, end: dataStart + end };
}

function assertDisjoint(file: string, entries: readonly TensorEntry[], fileBytes: number): void {
  let previousEnd = 0;
  for (const { name, start, end } of entries.toSorted(byPlace)) {
    if (start < previousEnd) {
      throw new CheckpointError(`${file}: ${name} overlaps the tensor before it`);
    }
    if (end > fileBytes) {
      throw new CheckpointError(`${file}: ${name} ends at byte ${end} of a file of ${fileBytes}`);
    }
    previousEnd = end;
  }
}

/** Of two that start together, an empty one stands first. */
function byPlace(a: TensorEntry, b: TensorEntry): number {
  return a.start - b.start || a.end - b.end;
}
