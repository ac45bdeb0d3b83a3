import { Engine } from "../../gpu-worker/src/engine/engine.ts";
import { assertInvariants } from "../../gpu-worker/src/engine/invariants.ts";
import type { Model } from "../../gpu-worker/src/engine/model.ts";
import { seededRandom } from "../../gpu-worker/src/engine/random.ts";
import type { Random } from "../../gpu-worker/src/engine/random.ts";
import { Sampler } from "../../gpu-worker/src/engine/sampler.ts";
import type { Sequence } from "../../gpu-worker/src/engine/sequence.ts";
import { TestMasks } from "../../gpu-worker/src/engine/test-masks.ts";
import {
  GREEDY,
  eventsOf,
  letters,
  sequenceOf,
} from "../../gpu-worker/src/engine/test-sequences.ts";

export interface SoakOptions {
  model: Model;
  requests: number;
  seed: number;
  /** Less than the model has, so that sequences give way. */
  tokenBudget: number;
  /** Told after every so many requests, with how many have ended. */
  every: number;
  onProgress: (ended: number) => void;
}

type Ending = "whole" | "left" | "failed" | "refused";

export interface SoakResult {
  endings: Record<Ending, number>;
  steps: number;
  preemptions: number;
  /** Rows that waited for a mask, over all steps. */
  parked: number;
}

/** Requests at once: more than there are slots, so that some wait. */
const CLIENTS = 16;

const LONGEST_PROMPT = 40;
const MOST_TOKENS = 40;

/** One mask in so many is late, by up to so many milliseconds; a step waits for some. */
const LATE_MASK_EVERY = 10;
const MOST_LATE_MS = 6;
const MASK_GRACE_MS = 2;

/** One step in so many fails, as a device may. */
const FAILURE_EVERY = 997;

/**
 * Short requests of all kinds over an engine, one after the other in each of some clients: whole ones,
 * those that leave, those whose masks are late, those whose tokens cannot be decoded, those that are too long,
 * and steps that fail. What must hold is checked after every step.
 */
export async function soakEngine(options: SoakOptions): Promise<SoakResult> {
  const { model, requests, seed, tokenBudget, every, onProgress } = options;
  const result: SoakResult = {
    endings: { whole: 0, left: 0, failed: 0, refused: 0 },
    steps: 0,
    preemptions: 0,
    parked: 0,
  };
  const engine: Engine = new Engine(failing(model, tokenBudget, result), {
    prefillChunk: 16,
    lonePrefillChunk: 32,
    blockTokens: 8,
    maskGraceMs: MASK_GRACE_MS,
    observer: {
      stepped: () => {
        const snapshot = engine.snapshot();
        assertInvariants(snapshot);
        result.parked += snapshot.running.filter(({ isParked }) => isParked).length;
      },
    },
  });
  let asked = 0;
  let ended = 0;
  const client = async () => {
    while (asked < requests) {
      const random = seededRandom(seed * requests + asked);
      result.endings[await askOnce(engine, asked++, random)]++;
      ended++;
      if (ended % every === 0) {
        onProgress(ended);
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await engine.idle();
  const { running, waiting, freeSlots, slots, preemptions } = engine.snapshot();
  if (running.length + waiting.length > 0 || freeSlots !== slots) {
    throw new Error(`expected ${slots} free slots at the end, got ${freeSlots}`);
  }
  return { ...result, preemptions };
}

/** The model with less memory, some of whose steps fail. */
function failing(model: Model, tokenBudget: number, result: SoakResult): Model {
  return {
    slots: model.slots,
    slotCapacity: model.slotCapacity,
    tokenBudget,
    encode: (medium) => model.encode(medium),
    copyPrefix: (from, to, tokens) => model.copyPrefix(from, to, tokens),
    clearSlot: (slot) => model.clearSlot(slot),
    forward: (rows) => {
      result.steps++;
      return result.steps % FAILURE_EVERY === 0
        ? Promise.reject(new Error("the device is gone"))
        : model.forward(rows);
    },
  };
}

async function askOnce(engine: Engine, index: number, random: Random): Promise<Ending> {
  const kind = random();
  const sequence = randomSequence(index, random, kind > 0.95);
  if (kind < 0.03) {
    return refusalOf(engine, index);
  }
  engine.submit(sequence);
  if (kind < 0.25) {
    return leave(engine, sequence, Math.floor(random() * 12));
  }
  try {
    await eventsOf(sequence.answer);
    return "whole";
  } catch {
    return "failed";
  }
}

function randomSequence(index: number, random: Random, isBroken: boolean): Sequence {
  const below = (bound: number) => Math.floor(random() * bound);
  const begin = below(4); // some begin alike, as the prefix cache likes it
  const prompt = Array.from(
    { length: 2 + below(LONGEST_PROMPT) },
    (_, place) => (place < 24 ? begin * 100 + place : below(1000)) + 1,
  );
  const settings = { ...GREEDY, temperature: below(2), seed: index };
  const decoder = isBroken ? { ...letters, push: noText } : { ...letters, push: () => "x" };
  const constraint = random() < 0.3 ? lateMasks(random) : undefined;
  const rules = constraint === undefined ? [] : [constraint];
  return sequenceOf(`s${index}`, prompt, {
    maxTokens: 1 + below(MOST_TOKENS),
    priority: random() < 0.3 ? "batch" : "interactive",
    sampler: new Sampler(settings, Int32Array.from(prompt), rules),
    constraint,
    decoder,
  });
}

function lateMasks(random: Random): TestMasks {
  return new TestMasks({
    isLate: () => random() < 1 / LATE_MASK_EVERY,
    onLate: (masks) => setTimeout(() => masks.release(), random() * MOST_LATE_MS),
  });
}

function noText(): string {
  throw new Error("this token has no bytes");
}

/** Reads so many events and goes. */
async function leave(engine: Engine, sequence: Sequence, events: number): Promise<Ending> {
  let seen = 0;
  try {
    for await (const { finishReason } of sequence.answer) {
      seen++;
      if (finishReason === undefined && seen > events) {
        break;
      }
    }
  } catch {
    return "failed";
  }
  engine.abort(sequence);
  sequence.answer.cancel();
  return "left";
}

function refusalOf(engine: Engine, index: number): Ending {
  try {
    engine.submit(sequenceOf(`s${index}`, [1], { maxTokens: 100_000 }));
  } catch (error) {
    if (error instanceof RangeError) {
      return "refused";
    }
    throw error;
  }
  throw new Error("a sequence that can never fit was taken");
}
