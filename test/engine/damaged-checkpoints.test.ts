import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { openCheckpoint } from "../../gpu-worker/src/checkpoint.ts";
import { buildGraphs } from "../../gpu-worker/src/model/build-graphs.ts";
import { CheckpointError } from "../../gpu-worker/src/weights/checkpoint-error.ts";
import {
  float32Entry,
  safetensors,
  withHeader,
} from "../../gpu-worker/src/weights/test-safetensors.ts";
import { DENSE } from "../support/dense-model.ts";

const WEIGHTS = "model.safetensors";

type Json = Record<string, unknown>;
interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}
interface Weights {
  header: Record<string, Entry>;
  data: Buffer;
}

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "damaged-"));
});
afterAll(() => rm(root, { recursive: true }));

beforeEach(async () => {
  folder = await mkdtemp(join(root, "checkpoint-"));
  await cp(DENSE, folder, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function editJson(name: string, edit: (file: Json) => Json): Promise<void> {
  const path = join(folder, name);
  const file: Json = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify(edit(file)));
}

async function editWeights(edit: (weights: Weights) => void): Promise<void> {
  const path = join(folder, WEIGHTS);
  const bytes = await readFile(path);
  const dataStart = 8 + Number(bytes.readBigUInt64LE());
  const header: Weights["header"] = JSON.parse(bytes.toString("utf8", 8, dataStart));
  const weights = { header, data: bytes.subarray(dataStart) };
  edit(weights);
  await writeFile(path, safetensors(weights.header, weights.data));
}

function entryOf({ header }: Weights, name: string): Entry {
  const entry = header[name];
  if (entry === undefined) {
    throw new Error(`the tiny checkpoint has no ${name}`);
  }
  return entry;
}

/** Everything that happens to a checkpoint before its model is loaded. */
async function prepare(): Promise<void> {
  const checkpoint = await openCheckpoint(folder);
  await buildGraphs(checkpoint, `${folder}-graphs`);
}

const NORM = "model.language_model.norm.weight";

const weightFaults: [string, (weights: Weights) => void, string][] = [
  ["a missing tensor", ({ header }) => delete header[NORM], `tensor ${NORM} is missing`],
  [
    "a tensor of another shape",
    (weights) => (entryOf(weights, NORM).shape = [8, 8]),
    `tensor ${NORM}: expected shape [64], got [8, 8]`,
  ],
  [
    "a tensor that is no part of the model",
    (weights) => {
      Object.assign(weights.header, { "x.weight": float32Entry([1], weights.data.length) });
      weights.data = Buffer.concat([weights.data, Buffer.alloc(4)]);
    },
    "tensor x.weight belongs to no part of the model",
  ],
  [
    "weights of a layer behind the last",
    (weights) => {
      weights.header["model.language_model.layers.4.mlp.up_proj.weight"] = {
        ...entryOf(weights, NORM),
        shape: [0],
        data_offsets: [0, 0],
      };
    },
    "layers.4.mlp.up_proj.weight belongs to no part of the model",
  ],
  [
    "tensors that overlap",
    (weights) => {
      const entry = entryOf(weights, NORM);
      const [start, end] = entry.data_offsets;
      entry.data_offsets = start === 0 ? [2, end + 2] : [start - 2, end - 2];
    },
    "overlaps the tensor before it",
  ],
  [
    "a dtype that no weight has",
    (weights) => (entryOf(weights, NORM).dtype = "I64"),
    `${NORM}: dtype I64 is not supported`,
  ],
  [
    "fewer bytes than a shape needs",
    (weights) => (entryOf(weights, NORM).shape = [65]),
    `${NORM}: shape [65] of`,
  ],
  [
    "a file that was cut",
    (weights) => (weights.data = weights.data.subarray(0, weights.data.length / 2)),
    "ends at byte",
  ],
];

const fileFaults: [string, () => Promise<void>, string][] = [
  [
    "a header that claims more than any has",
    () => writeFile(join(folder, WEIGHTS), withHeader(Buffer.from("{}"), Buffer.alloc(9), 2 ** 40)),
    "a header of 1099511627776 bytes",
  ],
  ["no weights", () => rm(join(folder, WEIGHTS)), "model.safetensors is missing"],
  ["no config.json", () => rm(join(folder, "config.json")), "config.json is missing in"],
  ["no tokenizer", () => rm(join(folder, "tokenizer.json")), "tokenizer.json is missing in"],
  [
    "another architecture",
    () => editJson("config.json", (file) => ({ ...file, architectures: ["LlamaForCausalLM"] })),
    "got LlamaForCausalLM",
  ],
  [
    "a config.json that was cut",
    () => writeFile(join(folder, "config.json"), '{"architectures":['),
    "config.json is not valid JSON",
  ],
  [
    "a tokenizer that was cut",
    () => writeFile(join(folder, "tokenizer.json"), "{"),
    "tokenizer.json is not valid JSON",
  ],
  [
    "a tokenizer of another kind",
    () => editJson("tokenizer.json", (file) => ({ ...file, normalizer: null, model: {} })),
    "tokenizer.json: ",
  ],
  [
    "a tokenizer with more tokens than embeddings",
    () =>
      editJson("tokenizer.json", (file) => ({
        ...file,
        added_tokens: [{ id: 9999, content: "<|x|>", special: true }],
      })),
    "tokenizer.json: 10000 tokens, config.json has embeddings of 1536",
  ],
  [
    "a chat template that does not compile",
    () => writeFile(join(folder, "chat_template.jinja"), "{% for %}"),
    "chat template does not compile",
  ],
  [
    "a temperature below zero",
    () => editJson("generation_config.json", (file) => ({ ...file, temperature: -1 })),
    "generation_config.json: ",
  ],
  [
    "a preprocessor that lacks a field",
    () => writeFile(join(folder, "preprocessor_config.json"), "{}"),
    "preprocessor_config.json: ",
  ],
  [
    "a preprocessor of another patch size",
    () => editJson("preprocessor_config.json", (file) => ({ ...file, patch_size: 14 })),
    "preprocessor_config.json: patchSize is 14, config.json says 16",
  ],
  ["no folder", () => rm(folder, { recursive: true }), "no checkpoint folder at"],
];

/** What `prepare` says of the checkpoint; any other failure than a `CheckpointError` is thrown. */
async function complaint(): Promise<string> {
  try {
    await prepare();
    return "none";
  } catch (error) {
    if (error instanceof CheckpointError) {
      return error.message;
    }
    throw error;
  }
}

describe("a damaged checkpoint", () => {
  it("differs from the whole one, of which nothing is said", async () => {
    expect(await complaint()).toBe("none");
  });

  it.each(weightFaults)("ends with one clear line: %s", async (_, edit, message) => {
    await editWeights(edit);
    const said = await complaint();
    expect(said).toContain(message);
    expect(said).not.toContain("\n");
  });

  it.each(fileFaults)("ends with one clear line: %s", async (_, damage, message) => {
    await damage();
    const said = await complaint();
    expect(said).toContain(message);
    expect(said).not.toContain("\n");
  });
});
