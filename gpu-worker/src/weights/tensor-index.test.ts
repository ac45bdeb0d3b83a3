import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { CheckpointError } from "./checkpoint-error.ts";
import { openTensorIndex } from "./tensor-index.ts";
import { float32Entry, safetensors, withHeader } from "./test-safetensors.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tensors-"));
});
afterEach(() => rm(folder, { recursive: true }));

function write(name: string, content: Uint8Array | string): Promise<void> {
  return writeFile(join(folder, name), content);
}

function floats(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

const pair = safetensors({ a: float32Entry([2], 0), b: float32Entry([1], 8) }, floats(1, 2, 3));
const other = safetensors({ c: float32Entry([1], 0) }, floats(4));

const ONE_IN_FLOAT8 = 0x38;

function indexFile(...shards: readonly string[]): string {
  return JSON.stringify({ weight_map: Object.fromEntries(shards.map((shard, i) => [i, shard])) });
}

describe("openTensorIndex", () => {
  it("reads the tensors of a single file", async () => {
    await write("model.safetensors", pair);
    const tensors = await openTensorIndex(folder);
    expect(tensors.names).toEqual(["a", "b"]);
    expect(tensors.shapeOf("a")).toEqual([2]);
    expect(tensors.shapeOf("z")).toBeUndefined();
    expect(await tensors.readFloat32("b")).toEqual(Float32Array.of(3));
  });

  it("reads the tensors of all shards", async () => {
    await write("model.safetensors.index.json", indexFile("2.safetensors", "1.safetensors"));
    await write("1.safetensors", pair);
    await write("2.safetensors", other);
    const tensors = await openTensorIndex(folder);
    expect(await tensors.readFloat32("a")).toEqual(Float32Array.of(1, 2));
    expect(await tensors.readFloat32("c")).toEqual(Float32Array.of(4));
  });

  it("gives slices the scales of their blocks", async () => {
    const [rows, columns] = [300, 130];
    const bytes = new Uint8Array(rows * columns).fill(ONE_IN_FLOAT8);
    const header = {
      a: { dtype: "F8_E4M3", shape: [rows, columns], data_offsets: [0, bytes.length] },
      a_scale_inv: { ...float32Entry([3, 2], 0), data_offsets: [bytes.length, bytes.length + 24] },
    };
    const data = Buffer.concat([bytes, floats(1, 2, 4, 8, 16, 32)]);
    await write("model.safetensors", safetensors(header, data));
    const tensors = await openTensorIndex(folder);
    expect(tensors.names).toEqual(["a"]);
    const whole = await tensors.readFloat32("a");
    const slices = [
      { first: 0, count: 128 },
      { first: 128, count: 128 },
      { first: 256, count: 44 },
    ];
    const parts = await Promise.all(slices.map((slice) => tensors.readFloat32("a", slice)));
    expect(parts.flatMap((part) => Array.from(part))).toEqual([...whole]);
    const corners = [0, 128, 128 * columns, 255 * columns + 129, 256 * columns, whole.length - 1];
    expect(corners.map((corner) => whole[corner])).toEqual([1, 2, 4, 8, 16, 32]);
  });

  it("says which tensor is missing, and which file became shorter since it was opened", async () => {
    await write("model.safetensors", pair);
    const tensors = await openTensorIndex(folder);
    await expect(tensors.readFloat32("z")).rejects.toThrow("tensor z is missing");
    await write("model.safetensors", pair.subarray(0, -2));
    await expect(tensors.readFloat32("b")).rejects.toThrow("model.safetensors ends at byte");
  });

  it.each([
    ["no file", undefined, "model.safetensors is missing"],
    ["an empty file", Buffer.alloc(0), "0 bytes are no safetensors file"],
    ["a file of seven bytes", Buffer.alloc(7), "7 bytes are no safetensors file"],
    ["a header longer than the file", pair.subarray(0, 20), "in a file of 20"],
    [
      "a header longer than any",
      withHeader(Buffer.from("{}"), Buffer.alloc(0), 2 ** 50),
      "a header of 1125899906842624 bytes",
    ],
    ["a file cut in its tensors", pair.subarray(0, -1), "b ends at byte"],
    ["a header that is not UTF-8", withHeader(Buffer.of(0x7b, 0xff, 0x7d), floats()), "not UTF-8"],
    ["a text file", Buffer.from("version https://git-lfs.github.com/spec/v1\n"), "a header of"],
  ])("refuses %s", async (_, content, message) => {
    if (content !== undefined) {
      await write("model.safetensors", content);
    }
    const opening = openTensorIndex(folder);
    await expect(opening).rejects.toThrow(CheckpointError);
    await expect(opening).rejects.toThrow(message);
  });

  it("refuses a folder in the place of the file", async () => {
    await mkdir(join(folder, "model.safetensors"));
    await expect(openTensorIndex(folder)).rejects.toThrow("model.safetensors is missing");
  });

  it.each([
    ["that is damaged", "{", "index.json is damaged"],
    ["without a map", "{}", "index.json is damaged"],
    ["that leaves the folder", indexFile("../x.safetensors"), "is not a file of the folder"],
    ["with an absolute path", indexFile("/etc/x.safetensors"), "is not a file of the folder"],
    ["of other files", indexFile("pytorch_model.bin"), "is not a file of the folder"],
    ["of a shard that is not there", indexFile("3.safetensors"), "3.safetensors is missing"],
    [
      "of shards that hold the same tensor",
      indexFile("1.safetensors", "2.safetensors"),
      "2.safetensors: a stands in another shard already",
    ],
  ])("refuses an index %s", async (_, index, message) => {
    await write("1.safetensors", pair);
    await write("2.safetensors", pair);
    await write("model.safetensors.index.json", index);
    const opening = openTensorIndex(folder);
    await expect(opening).rejects.toThrow(CheckpointError);
    await expect(opening).rejects.toThrow(message);
  });
});
