import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openCheckpoint } from "../../gpu-worker/src/checkpoint.ts";
import type { Checkpoint } from "../../gpu-worker/src/checkpoint.ts";
import { EngineGenerator } from "../../gpu-worker/src/engine/generator.ts";
import type { GenerationRequest } from "../../gpu-worker/src/engine/generator.ts";
import type { PatchedMedium, VisionFeatures } from "../../gpu-worker/src/engine/model.ts";
import { Sampler } from "../../gpu-worker/src/engine/sampler.ts";
import { samplingSettings } from "../../gpu-worker/src/engine/sampling-settings.ts";
import { StopStringFilter } from "../../gpu-worker/src/engine/stop-strings.ts";
import { Thought } from "../../gpu-worker/src/engine/thought.ts";
import { loadModel } from "../../gpu-worker/src/load-model.ts";
import { planMemory } from "../../gpu-worker/src/memory-plan.ts";
import type { Precision } from "../../gpu-worker/src/model/precision.ts";
import { ChatPrompter } from "../../gpu-worker/src/prompt/chat-prompt.ts";
import type { ChatPrompt } from "../../gpu-worker/src/prompt/chat-prompt.ts";
import { ChatTemplate } from "../../gpu-worker/src/prompt/chat-template.ts";
import type { PromptMedium } from "../../gpu-worker/src/prompt/prompt-media.ts";
import { Tokenizer } from "../../gpu-worker/src/prompt/tokenizer.ts";
import type { OnnxModel } from "../../gpu-worker/src/runtime/onnx-model.ts";
import { tokensOf } from "../../gpu-worker/src/vision/grid.ts";
import { prepareImage } from "../../gpu-worker/src/vision/prepare-image.ts";
import { collectClip } from "../support/collect-clip.ts";
import { checkClose, checkEqual } from "./check.ts";
import type { Check } from "./check.ts";
import { comparisonFor } from "./comparison.ts";
import type { Comparison } from "./comparison.ts";
import { readCases } from "./recorded-case.ts";
import type { RecordedCase, RecordedMedium } from "./recorded-case.ts";

/** Resampled pixels may differ by 2 of 255 levels: 2 / 127.5 after normalising to −1 … 1. */
const PIXEL_TOLERANCE = 2 / 127.5 / 2;

/** Below this distance of the two best logits, another greedy token is no fault. */
const EXCUSABLE_GAP = 2e-4;

interface Bench {
  comparison: Comparison;
  checkpoint: Checkpoint;
  model: OnnxModel;
  prompter: ChatPrompter;
}

/** Every case of every checkpoint that has both: `cases/NAME` and `checkpoints/NAME`. */
export async function* checkCases(options: {
  cases: string;
  checkpoints: string;
  precision: Precision;
}): AsyncGenerator<Check> {
  const cacheFolder = await mkdtemp(join(tmpdir(), "golden-graphs-"));
  try {
    for (const name of (await readdir(options.cases)).toSorted()) {
      const bench = await openBench(
        join(options.checkpoints, name),
        options.precision,
        cacheFolder,
      );
      for (const recorded of readCases(join(options.cases, name))) {
        yield* checkCase(bench, { ...recorded, name: `${name}/${recorded.name}` });
      }
      bench.model.close();
    }
  } finally {
    await rm(cacheFolder, { recursive: true });
  }
}

async function openBench(
  folder: string,
  precision: Precision,
  cacheFolder: string,
): Promise<Bench> {
  const checkpoint = await openCheckpoint(folder);
  const { tokenizerJson, tokenizerConfigJson, template, layout } = checkpoint.prompter;
  const tokenizer = new Tokenizer(tokenizerJson, tokenizerConfigJson);
  const options = {
    cacheFolder,
    precision,
    threads: 2,
    slots: 2,
    memory: planMemory(2 ** 28, checkpoint.config, 1024),
  };
  return {
    comparison: comparisonFor(precision),
    checkpoint,
    model: await loadModel(checkpoint, options),
    prompter: new ChatPrompter(tokenizer, new ChatTemplate(template, tokenizer), layout),
  };
}

/** A picture or clip, prepared as the checkpoint's processors do. */
interface PreparedMedium {
  kind: "image" | "video";
  prompt: PromptMedium;
  patched: PatchedMedium;
}

async function* checkCase(bench: Bench, recorded: RecordedCase): AsyncGenerator<Check> {
  const media: PreparedMedium[] = [];
  for (const medium of recorded.media) {
    media.push(await prepareMedium(bench.checkpoint, medium));
  }
  const prompt = bench.prompter.fromConversation(
    recorded.conversation,
    media.map((medium) => medium.prompt),
  );
  yield* checkPrompt(recorded, prompt);
  yield* checkPixels(recorded, media);
  const features: VisionFeatures[] = [];
  for (const { patched } of media) {
    features.push(await bench.model.encode(patched));
  }
  for (const kind of ["image", "video"] as const) {
    const ofKind = features.filter((_, index) => media[index]?.kind === kind);
    yield* checkFeatures(bench.comparison, recorded, { kind, features: ofKind });
  }
  yield* checkLogits(bench, recorded, { prompt, features });
  yield await checkGreedyTokens(bench, recorded, { prompt, media });
}

async function prepareMedium(
  { vision, clips }: Checkpoint,
  medium: RecordedMedium,
): Promise<PreparedMedium> {
  if (medium.kind === "image") {
    const { grid, patches } = await prepareImage(medium.bytes, {}, vision);
    return { kind: "image", prompt: { grid }, patched: { grid, patches } };
  }
  const task = {
    input: medium,
    options: {},
    settings: clips,
    maxTokens: Infinity,
    planOnly: false,
  };
  const { plan, patches } = await collectClip(task);
  const { grid, timestamps } = plan;
  return { kind: "video", prompt: { grid, timestamps }, patched: { grid, patches } };
}

function* checkPrompt({ name, expected }: RecordedCase, prompt: ChatPrompt): Generator<Check> {
  yield {
    name: `${name}: rendered prompt`,
    passed: prompt.text === expected.prompt,
    detail: `${expected.prompt.length} characters expected, ${prompt.text.length} got`,
  };
  yield checkEqual(`${name}: input ids`, prompt.tokenIds, valuesOf(expected, "input_ids"));
  yield checkEqual(`${name}: positions`, prompt.positions, valuesOf(expected, "position_ids"));
  yield checkEqual(`${name}: rope delta`, [prompt.ropeDelta], [expected.ropeDelta]);
}

const PIXEL_TENSORS = { image: "pixel_values", video: "pixel_values_videos" } as const;

function* checkPixels(
  { name, expected }: RecordedCase,
  media: readonly PreparedMedium[],
): Generator<Check> {
  for (const kind of ["image", "video"] as const) {
    const ofKind = media.filter((medium) => medium.kind === kind).map(({ patched }) => patched);
    if (expected.tensors.has(`${kind}_grid_thw`)) {
      const grids = ofKind.flatMap(({ grid }) => [grid.t, grid.h, grid.w]);
      const recorded = valuesOf(expected, `${kind}_grid_thw`);
      yield checkEqual(`${name}: ${kind} grids`, grids, recorded);
    }
    const tensor = PIXEL_TENSORS[kind];
    if (expected.tensors.has(tensor)) {
      const patches = joinRows(ofKind.map((medium) => medium.patches));
      const recorded = valuesOf(expected, tensor);
      yield checkClose(`${name}: ${kind} patches`, patches, recorded, PIXEL_TOLERANCE);
    }
  }
}

function* checkFeatures(
  comparison: Comparison,
  { name, expected }: RecordedCase,
  { kind, features }: { kind: "image" | "video"; features: readonly VisionFeatures[] },
): Generator<Check> {
  const layers = [...(features[0]?.deepstack.keys() ?? [])];
  const outputs = [
    { tensor: `${kind}_embeds`, rows: features.map(({ embeddings }) => embeddings) },
    ...layers.map((layer) => ({
      tensor: `${kind}_deepstack_${layer}`,
      rows: features.map(({ deepstack }) => deepstack[layer] ?? []),
    })),
  ];
  for (const { tensor, rows } of features.length === 0 ? [] : outputs) {
    const recorded = valuesOf(expected, tensor);
    yield comparison.features(`${name}: ${tensor}`, joinRows(rows), recorded);
  }
}

async function* checkLogits(
  { comparison, checkpoint, model }: Bench,
  { name, expected }: RecordedCase,
  { prompt, features }: { prompt: ChatPrompt; features: readonly VisionFeatures[] },
): AsyncGenerator<Check> {
  const { vocabSize } = checkpoint.config.text;
  const logits = await model.decoder.prefillAllLogits({
    slot: 0,
    cachedTokens: 0,
    tokenIds: prompt.tokenIds,
    positions: prompt.positions,
    vision:
      features.length === 0
        ? undefined
        : { places: prompt.visionPlaces, features: joined(features) },
    wantsLogits: true,
  });
  const rows = Array.from(prompt.tokenIds, (_, row) =>
    logits.subarray(row * vocabSize, (row + 1) * vocabSize),
  );
  const last = rows.at(-1) ?? new Float32Array();
  yield comparison.logits(`${name}: last logits`, last, valuesOf(expected, "last_logits"));
  const best = rows.map(argmax);
  yield comparison.tokens(`${name}: argmax everywhere`, best, valuesOf(expected, "argmax"));
}

/** Through the engine: chunks, KV cache and decoding steps. */
async function checkGreedyTokens(
  { comparison, checkpoint, model }: Bench,
  { name, expected }: RecordedCase,
  { prompt, media }: { prompt: ChatPrompt; media: readonly PreparedMedium[] },
): Promise<Check> {
  const tokens: number[] = [];
  const request: GenerationRequest = {
    id: name,
    prompt,
    tenant: "",
    priority: "interactive",
    media: media.map(({ patched }, index) => ({
      digest: new Uint8Array(32).fill(index),
      tokens: tokensOf(patched.grid, checkpoint.config.vision.mergeSize),
      patched,
      onFeatures: () => undefined,
    })),
    visionPlaces: prompt.visionPlaces,
    choices: [
      {
        maxTokens: expected.greedyTokens.length,
        sampler: new Sampler(samplingSettings({ temperature: 0 }, checkpoint.generation), []),
        decoder: { push: (token) => (tokens.push(token), ""), flush: () => "" },
        thought: new Thought(undefined, false),
        stopStrings: new StopStringFilter([]),
        endTokenIds: new Set(),
      },
    ],
  };
  const generator = new EngineGenerator(model);
  for await (const event of generator.generate(request, new AbortController().signal)) {
    void event;
  }
  const check = comparison.tokens(`${name}: greedy tokens`, tokens, expected.greedyTokens);
  const isExcused = expected.smallestGap < EXCUSABLE_GAP;
  return { ...check, passed: check.passed || isExcused };
}

function valuesOf({ tensors }: RecordedCase["expected"], name: string): ArrayLike<number> {
  const tensor = tensors.get(name);
  if (tensor === undefined) {
    throw new Error(`the recorded case has no tensor ${name}`);
  }
  return tensor.values;
}

function argmax(row: Float32Array): number {
  return row.reduce((best, value, index) => (value > (row[best] ?? 0) ? index : best), 0);
}

function joined(features: readonly VisionFeatures[]): VisionFeatures {
  return {
    embeddings: joinRows(features.map(({ embeddings }) => embeddings)),
    deepstack: [...(features[0]?.deepstack.keys() ?? [])].map((layer) =>
      joinRows(features.map(({ deepstack }) => deepstack[layer] ?? [])),
    ),
  };
}

function joinRows(parts: readonly ArrayLike<number>[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => Array.from(part)));
}
