import { availableParallelism } from "node:os";
import { join } from "node:path";

import { openCheckpoint } from "../../../gpu-worker/src/checkpoint.ts";
import type { Model } from "../../../gpu-worker/src/engine/model.ts";
import type { GrammarConstraint } from "../../../gpu-worker/src/grammar/grammar-constraint.ts";
import { Grammars } from "../../../gpu-worker/src/grammar/grammars.ts";
import { tokenTable } from "../../../gpu-worker/src/grammar/token-table.ts";
import { loadModel } from "../../../gpu-worker/src/load-model.ts";
import type { Precision } from "../../../gpu-worker/src/model/precision.ts";
import { textRow } from "../../support/dense-model.ts";
import { BENCH_FOLDER } from "../checkpoints/bench-folder.ts";
import { median, printTable } from "../table.ts";
import { tokenizerOf } from "./vocabularies.ts";

const BATCHES = [1, 8];
const STEPS = 600;
/** The first steps are slow, bound or not. */
const WARM_UP_STEPS = 60;
/** Any text, of one token for each letter. */
const GRAMMAR = "root ::= [a-z]*";
const LETTER = "a";

interface StepTimes {
  /** Telling the grammar's thread the tokens and running the model, which the thread may slow down. */
  run: number;
  /** For the masks that are not ready when the model is. */
  wait: number;
  mask: number;
}

/** Steps of a model, in turn free and bound to a grammar over the vocabulary of its size. */
export async function boundSteps(folder: string, precision: Precision | undefined): Promise<void> {
  const checkpoint = await openCheckpoint(folder);
  const { config, generation } = checkpoint;
  const slots = Math.max(...BATCHES);
  const slotCapacity = WARM_UP_STEPS + STEPS;
  const model = await loadModel(checkpoint, {
    cacheFolder: join(BENCH_FOLDER, "graphs"),
    precision,
    threads: availableParallelism(),
    slots,
    memory: { tokenBudget: slots * slotCapacity, slotCapacity },
  });
  const { vocabSize } = config.text;
  const tokenizer = tokenizerOf(vocabSize);
  const { eosTokenIds: endTokenIds } = generation;
  const grammars = new Grammars(tokenTable(tokenizer, { vocabSize, endTokenIds }));
  await grammars.check(GRAMMAR);
  const tokenId = tokenizer.idOf(LETTER) ?? 0;

  const rows = [["rows", "free, ms", "bound, ms", "its run", "its wait", "its mask"]];
  for (const batch of BATCHES) {
    const constraints = Array.from({ length: batch }, () => grammars.constraint(GRAMMAR));
    rows.push([String(batch), ...(await figuresOf(model, constraints, tokenId))]);
    for (const [slot, constraint] of constraints.entries()) {
      model.clearSlot(slot);
      constraint[Symbol.dispose]();
    }
  }
  printTable(rows);
  await grammars.close();
}

async function figuresOf(
  model: Model,
  constraints: readonly GrammarConstraint[],
  tokenId: number,
): Promise<string[]> {
  const free: StepTimes[] = [];
  const bound: StepTimes[] = [];
  for (let place = 0; place < WARM_UP_STEPS + STEPS; place++) {
    const isBound = place % 2 === 1;
    const rows = constraints.map((_, slot) => textRow(slot, place, [tokenId]));
    const times = await step(model, rows, isBound ? constraints : [], tokenId);
    if (place >= WARM_UP_STEPS) {
      (isBound ? bound : free).push(times);
    }
  }
  const whole = ({ run, wait, mask }: StepTimes) => run + wait + mask;
  return [
    median(free.map(whole)),
    median(bound.map(whole)),
    ...(["run", "wait", "mask"] as const).map((part) => median(bound.map((it) => it[part]))),
  ].map((ms) => ms.toFixed(3));
}

async function step(
  model: Model,
  rows: Parameters<Model["forward"]>[0],
  constraints: readonly GrammarConstraint[],
  tokenId: number,
): Promise<StepTimes> {
  const begun = performance.now();
  for (const constraint of constraints) {
    constraint.accept(tokenId);
  }
  const logits = await model.forward(rows);
  const ran = performance.now();
  for (const constraint of constraints) {
    await constraint.ready();
  }
  const ready = performance.now();
  for (const [index, constraint] of constraints.entries()) {
    constraint.apply(logits[index] ?? new Float32Array());
  }
  return { run: ran - begun, wait: ready - ran, mask: performance.now() - ready };
}
