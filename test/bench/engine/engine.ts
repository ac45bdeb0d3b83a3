import { availableParallelism, freemem, loadavg } from "node:os";
import { join } from "node:path";

import { openCheckpoint } from "../../../gpu-worker/src/checkpoint.ts";
import { bytesPerToken } from "../../../gpu-worker/src/memory-plan.ts";
import type { TextDecoderConfig } from "../../../gpu-worker/src/weights/model-config.ts";
import { BENCH_FOLDER } from "../checkpoints/bench-folder.ts";
import { random2B } from "../checkpoints/make-checkpoint.ts";
import { randomGguf } from "../checkpoints/random-gguf.ts";
import { median, printTable } from "../table.ts";
import { installLlamaCpp } from "./llama-cpp.ts";
import type { SubjectTask, TaskOf } from "./subject-task.ts";
import { Subject } from "./subject.ts";

const CONTEXTS = [128, 1024, 4096];
const BATCHES = [1, 8];

/** Sides of pictures in patches: 1,024 and 4,096 of them. */
const PICTURE_SIDES = [32, 64];

/** Tokens whose prefill is timed: the last ones of the context, one step's worth. */
const PREFILL_TOKENS = 256;

const DECODED_TOKENS = 16;

/** Of every measurement; a machine that others use too is slower at times. */
const ROUNDS = 5;

/** Behind the longest context. */
const SPARE_TOKENS = 64;

/** A row of the table: what it tells, and how from the median seconds. */
interface Measurement {
  name: string;
  task: SubjectTask;
  unit: string;
  figure: (seconds: number) => number;
  isHigherBetter: boolean;
}

/**
 * Our decoder at int4 and int8 beside llama.cpp at Q4_0, random weights of the 2B model's sides, each in
 * a process of its own and in turn. The longest context may be given.
 */
export async function engine([longest = "4096"]: readonly string[]): Promise<void> {
  const contexts = CONTEXTS.filter((context) => context <= Number(longest));
  const checkpoint = await random2B();
  const { text } = (await openCheckpoint(checkpoint)).config;
  await using subjects = new AsyncDisposableStack();
  const sources = await sourcesOf(checkpoint, text);
  const all = Object.keys(sources).map((name) => subjects.use(new Subject(name)));

  console.log(
    `load average before: ${loadavg()[0]?.toFixed(1)}; others' work makes ratios worthless`,
  );
  await loadAll(all, sources, Math.max(...contexts) + SPARE_TOKENS);
  const rows: string[][] = [];
  for (const context of contexts) {
    for (const subject of all) {
      const { seconds } = await subject.perform({ kind: "reach", context });
      console.log(`${subject.name} has read up to token ${context} after ${seconds.toFixed(1)} s`);
    }
    for (const measurement of measurementsAt(context, text)) {
      rows.push(await rowOf(measurement, all));
    }
  }
  for (const side of PICTURE_SIDES) {
    rows.push(await rowOf(pictureOf(side), all.slice(0, 1)));
  }
  console.log();
  printTable([
    ["", ...all.map(({ name }) => name), ...RATIOS.map(([a, b]) => `${a} : ${b}`)],
    ...rows,
  ]);
}

type Source = TaskOf<"load">["source"];

const [INT4, INT8, LLAMA] = ["int4", "int8", "llama.cpp"] as const;

/** Pairs of columns of which the first is told as so many times as fast as the second. */
const RATIOS = [
  [INT4, LLAMA],
  [INT8, LLAMA],
  [INT8, INT4],
] as const;

async function sourcesOf(
  checkpoint: string,
  text: TextDecoderConfig,
): Promise<Readonly<Record<string, Source>>> {
  const gguf = await randomGguf("random-2b", text);
  const cacheFolder = join(BENCH_FOLDER, "graphs");
  return {
    [INT4]: { by: "us", checkpoint, cacheFolder, precision: INT4 },
    [INT8]: { by: "us", checkpoint, cacheFolder, precision: INT8 },
    [LLAMA]: { by: "llama.cpp", module: await installLlamaCpp(), gguf },
  };
}

async function loadAll(
  subjects: readonly Subject[],
  sources: Readonly<Record<string, Source>>,
  capacity: number,
): Promise<void> {
  const rows: string[][] = [];
  for (const subject of subjects) {
    const source = sources[subject.name];
    if (source === undefined) {
      throw new Error(`nothing is known of ${subject.name}`);
    }
    const threads = availableParallelism();
    const task = {
      kind: "load",
      source,
      threads,
      sequences: Math.max(...BATCHES),
      capacity,
    } as const;
    await using first = new Subject(subject.name); // builds the graphs, and reads the files once
    await first.perform(task);
    await first[Symbol.asyncDispose]();
    const { seconds, megabytes } = await subject.perform(task);
    rows.push([subject.name, seconds.toFixed(1), megabytes.toFixed(0)]);
  }
  printTable([["", "load s", "memory MB"], ...rows]);
  console.log();
}

function measurementsAt(context: number, text: TextDecoderConfig): Measurement[] {
  const tokens = Math.min(PREFILL_TOKENS, context);
  const prefill: Measurement = {
    name: `prefill up to token ${context}`,
    task: { kind: "prefill", context, tokens },
    unit: "tok/s",
    figure: (seconds) => tokens / seconds,
    isHigherBetter: true,
  };
  const decodes = BATCHES.filter((sequences) => fits(sequences * context, text)).map(
    (sequences): Measurement => ({
      name: `decode, context ${context}, batch ${sequences}`,
      task: { kind: "decode", context, sequences, tokens: DECODED_TOKENS },
      unit: "tok/s",
      figure: (seconds) => (sequences * DECODED_TOKENS) / seconds,
      isHigherBetter: true,
    }),
  );
  return [prefill, ...decodes];
}

/** Whether the memory that is free now holds the keys and values of so many tokens, and a tenth to spare. */
function fits(tokens: number, text: TextDecoderConfig): boolean {
  const isFitting = tokens * bytesPerToken(text) * 1.1 < freemem();
  if (!isFitting) {
    console.log(`too little memory is free for ${tokens} tokens of keys and values`);
  }
  return isFitting;
}

function pictureOf(side: number): Measurement {
  return {
    name: `picture of ${side ** 2} patches`,
    task: { kind: "encode", side },
    unit: "s",
    figure: (seconds) => seconds,
    isHigherBetter: false,
  };
}

/** All subjects in turn, so that a slow moment of the machine meets all of them. */
async function rowOf(measurement: Measurement, subjects: readonly Subject[]): Promise<string[]> {
  const { name, task, unit, figure } = measurement;
  const seconds = new Map<string, number[]>(subjects.map((subject) => [subject.name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const subject of subjects) {
      seconds.get(subject.name)?.push((await subject.perform(task)).seconds);
    }
  }
  const medians = new Map([...seconds].map(([key, times]) => [key, median(times)]));
  const row = [
    `${name}, ${unit}`,
    ...[INT4, INT8, LLAMA].map((key) =>
      cell(medians.get(key), (value) => figure(value).toFixed(1)),
    ),
    ...RATIOS.map(([a, b]) => {
      const [own = NaN, other = NaN] = [medians.get(a), medians.get(b)];
      return cell(other / own, (ratio) => ratio.toFixed(2));
    }),
  ];
  console.log(row.join("  "));
  return row;
}

function cell(value: number | undefined, text: (value: number) => string): string {
  return value === undefined || Number.isNaN(value) ? "" : text(value);
}
