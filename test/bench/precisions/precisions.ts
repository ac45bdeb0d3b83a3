import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { PRECISIONS } from "../../../gpu-worker/src/model/precision.ts";
import type { Precision } from "../../../gpu-worker/src/model/precision.ts";
import { checkCases } from "../../golden/cases.ts";
import type { Check } from "../../golden/check.ts";
import { klDivergence } from "../../golden/comparison.ts";
import { folderMegabytes } from "../checkpoints/folder-size.ts";
import { median, printTable } from "../table.ts";
import { measureModel } from "./model-task.ts";
import { SHAPES, answerShapes } from "./shapes-answers.ts";
import type { ShapesAnswer } from "./shapes-answers.ts";

const GOLDEN = join(import.meta.dirname, "../../golden/data");

/** Loads of each model; a machine that others use too is slower at times. */
const ROUNDS = 3;

/** What each precision costs and what it does to the answers: the README's table. */
export async function precisions(): Promise<void> {
  const cacheRoot = await mkdtemp(join(tmpdir(), "precisions-"));
  try {
    await printShapes(cacheRoot);
    await printGolden();
  } finally {
    await rm(cacheRoot, { recursive: true });
  }
}

async function printShapes(cacheRoot: string): Promise<void> {
  const exact = await answerShapes("fp32", join(cacheRoot, "fp32"));
  const rows: string[][] = [];
  for (const precision of PRECISIONS) {
    const cacheFolder = join(cacheRoot, precision);
    const answers = await answerShapes(precision, cacheFolder);
    rows.push([precision, ...(await costs(precision, cacheFolder)), ...quality(answers, exact)]);
  }
  console.log(`qwen3-vl-shapes, ${exact.length} questions about pictures`);
  printTable([
    ["precision", "disk MB", "load ms", "memory MB", "as reference", "as fp32", "right", "KL mean"],
    ...rows,
  ]);
}

async function costs(precision: Precision, cacheFolder: string): Promise<string[]> {
  const loads = [];
  for (let round = 0; round < ROUNDS; round++) {
    loads.push(await measureModel({ folder: SHAPES, precision, cacheFolder }));
  }
  return [
    (await folderMegabytes(cacheFolder)).toFixed(1),
    (1000 * median(loads.map(({ loadSeconds }) => loadSeconds))).toFixed(0),
    median(loads.map(({ memoryMegabytes }) => memoryMegabytes)).toFixed(0),
  ];
}

function quality(answers: readonly ShapesAnswer[], exact: readonly ShapesAnswer[]): string[] {
  const decidable = answers.filter(({ truth }) => truth !== null);
  const divergences = answers.map(({ firstLogits }, index) =>
    klDivergence(exact[index]?.firstLogits ?? [], firstLogits),
  );
  return [
    percent(shareOf(answers, ({ text, reference }) => text === reference)),
    percent(shareOf(answers, ({ text }, index) => text === exact[index]?.text)),
    percent(shareOf(decidable, ({ text, truth }) => text === truth)),
    (divergences.reduce((sum, value) => sum + value, 0) / answers.length).toFixed(4),
  ];
}

function shareOf(
  answers: readonly ShapesAnswer[],
  holds: (answer: ShapesAnswer, index: number) => boolean,
): number {
  return answers.filter(holds).length / answers.length;
}

/** The golden cases against the values recorded in float32, as `npm run golden` compares them. */
async function printGolden(): Promise<void> {
  const rows: string[][] = [];
  for (const precision of ["int8", "int4"] as const) {
    const checks = await goldenChecks(precision);
    const checkpoints = new Set(checks.map(({ name }) => name.split("/")[0] ?? name));
    for (const checkpoint of checkpoints) {
      const own = checks.filter(({ name }) => name.startsWith(`${checkpoint}/`));
      const divergences = own.flatMap(({ divergence }) => divergence ?? []);
      const agreements = own
        .filter(({ name }) => name.endsWith("argmax everywhere"))
        .map(({ agreement }) => agreement ?? NaN);
      rows.push([
        precision,
        checkpoint,
        median(divergences).toFixed(4),
        Math.max(...divergences).toFixed(4),
        percent(agreements.reduce((sum, share) => sum + share, 0) / agreements.length),
      ]);
    }
  }
  console.log("golden cases, tiny checkpoints of random weights");
  printTable([["precision", "checkpoint", "KL median", "KL largest", "same best token"], ...rows]);
}

async function goldenChecks(precision: Precision): Promise<Check[]> {
  const folders = { cases: join(GOLDEN, "cases"), checkpoints: join(GOLDEN, "checkpoints") };
  const checks: Check[] = [];
  for await (const check of checkCases({ ...folders, precision })) {
    checks.push(check);
  }
  return checks;
}

const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
