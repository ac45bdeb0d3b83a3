import { describe, expect, it } from "vitest";

import { Engine } from "./engine.ts";
import { assertInvariants } from "./invariants.ts";
import type { ModelRow } from "./model.ts";
import { seededRandom } from "./random.ts";
import { Sampler } from "./sampler.ts";
import type { Sequence } from "./sequence.ts";
import { HeldMasks } from "./test-held-masks.ts";
import { TestMasks } from "./test-masks.ts";
import { GREEDY, SumModel, eventsOf, letters, sequenceOf, textOf } from "./test-sequences.ts";

/** A request of a workload; the same numbers make the same sequence. */
interface Asked {
  prompt: readonly number[];
  maxTokens: number;
  seed: number;
  priority: "interactive" | "batch";
  /** Step before which it comes, and before which it is aborted. */
  comesAt: number;
  abortedAt: number;
  /** Which of its tokens cannot be decoded; none where it is 0. */
  brokenToken: number;
  /** By how many steps each of its masks is late, in turn; none is needed where it has none. */
  lateSteps: readonly number[];
  /** Tokens after which its mask fails, if that is late; none where it is 0. */
  brokenMask: number;
}

interface Workload {
  slots: number;
  tokenBudget: number;
  /** Steps in which the device fails. */
  failures: ReadonlySet<number>;
  asked: readonly Asked[];
}

const CAPACITY = 64;

function workloadOf(seed: number): Workload {
  const random = seededRandom(seed);
  const below = (bound: number) => Math.floor(random() * bound);
  const shared = Array.from({ length: 30 }, () => below(26));
  const slots = 1 + below(4);
  const asked = Array.from({ length: 25 }, (_, index): Asked => {
    const own = Array.from({ length: 1 + below(20) }, () => below(26));
    const prompt = [...shared.slice(0, below(3) === 0 ? below(30) : 0), ...own];
    return {
      prompt,
      maxTokens: 1 + below(CAPACITY - prompt.length),
      seed: index,
      priority: below(3) === 0 ? "batch" : "interactive",
      comesAt: below(120),
      abortedAt: below(6) === 0 ? below(200) : Infinity,
      brokenToken: below(10) === 0 ? 1 + below(8) : 0,
      lateSteps: below(3) === 0 ? Array.from({ length: 7 }, () => Math.max(0, below(12) - 7)) : [],
      brokenMask: below(10) === 0 ? 1 + below(8) : 0,
    };
  });
  const failures = new Set(below(3) === 0 ? [below(100), below(100)] : []);
  return { slots, tokenBudget: CAPACITY + below(CAPACITY), failures, asked };
}

/** @param held takes what is late; without it, nothing is */
function masksFor({ lateSteps, brokenMask }: Asked, held: HeldMasks | undefined) {
  const lateBy = (tokens: number) => lateSteps[tokens % lateSteps.length] ?? 0;
  return lateSteps.length === 0
    ? undefined
    : new TestMasks({
        isLate: (tokens) => held !== undefined && lateBy(tokens) > 0,
        onLate: (masks) => held?.hold(masks, { lateSteps: lateBy(masks.tokens), brokenMask }),
      });
}

function sequenceFor(asked: Asked, held?: HeldMasks): Sequence {
  const { prompt, maxTokens, seed, priority, brokenToken } = asked;
  let pushed = 0;
  const decoder = {
    ...letters,
    push: (tokenId: number): string => {
      pushed++;
      if (pushed === brokenToken) {
        throw new Error("this token has no bytes");
      }
      return letters.push(tokenId);
    },
  };
  const settings = { ...GREEDY, temperature: 1, seed, presencePenalty: 0.5 };
  const constraint = masksFor(asked, held);
  const rules = constraint === undefined ? [] : [constraint];
  const sampler = new Sampler(settings, Int32Array.from(prompt), rules);
  return sequenceOf(`s${seed}`, prompt, { maxTokens, sampler, constraint, decoder, priority });
}

/** What a request is answered when nothing else runs and memory is no concern. */
async function answerAlone(asked: Asked): Promise<string> {
  const limits = { prefillChunk: 4, lonePrefillChunk: 4 };
  const engine = new Engine(new SumModel(1), limits);
  const sequence = sequenceFor({ ...asked, brokenToken: 0 });
  engine.submit(sequence);
  return textOf(sequence.answer);
}

class WorkloadModel extends SumModel {
  onStep: (step: number) => void = () => undefined;

  override async forward(rows: readonly ModelRow[]) {
    this.onStep(this.steps.length);
    return super.forward(rows);
  }
}

async function run({ slots, tokenBudget, failures, asked }: Workload) {
  const model = new WorkloadModel(slots, tokenBudget, CAPACITY);
  const held = new HeldMasks();
  let clock = 0;
  let parkedRows = 0;
  const engine: Engine = new Engine(model, {
    prefillChunk: 4,
    lonePrefillChunk: 8,
    blockTokens: 8,
    maskGraceMs: 0,
    now: () => (clock += 500),
    observer: {
      stepped: () => {
        const snapshot = engine.snapshot();
        assertInvariants(snapshot);
        parkedRows += snapshot.running.filter(({ isParked }) => isParked).length;
      },
    },
  });
  const outcomes: Promise<string>[] = [];
  const sequences: Sequence[] = [];
  const come = (step: number) => {
    for (const [index, one] of asked.entries()) {
      if (sequences[index] === undefined && one.comesAt <= step) {
        const sequence = sequenceFor(one, held);
        sequences[index] = sequence;
        engine.submit(sequence);
        outcomes[index] = outcomeOf(sequence);
      }
      const sequence = sequences[index];
      if (sequence !== undefined && one.abortedAt <= step && !sequence.answer.isCancelled) {
        engine.abort(sequence);
        sequence.answer.cancel();
      }
    }
  };
  let failed = 0;
  model.onStep = (step) => {
    come(step);
    held.passStep();
    if (failures.has(step + failed)) {
      failed++;
      throw new Error("the device is gone");
    }
  };
  const rescue = setInterval(() => releaseIfAllParked(engine, held), 0);
  for (let step = 0; sequences.filter(Boolean).length < asked.length; step++) {
    come(step);
    await engine.idle();
  }
  await engine.idle();
  clearInterval(rescue);
  return { engine, parkedRows, texts: await Promise.all(outcomes) };
}

function releaseIfAllParked(engine: Engine, held: HeldMasks): void {
  const { running } = engine.snapshot();
  if (running.length > 0 && running.every(({ isParked }) => isParked)) {
    held.releaseFirst();
  }
}

async function outcomeOf({ answer }: Sequence): Promise<string> {
  try {
    const events = await eventsOf(answer);
    const text = events.map((event) => event.text).join("");
    return events.at(-1)?.finishReason === undefined ? `${text}…` : text;
  } catch (error) {
    return String(error);
  }
}

const SEEDS = Array.from({ length: 60 }, (_, index) => index);

describe("Engine under random load", () => {
  it("gives every request the answer it gets alone, with little memory, late masks, aborts and failures", async () => {
    let preemptions = 0;
    let parkedRows = 0;
    for (const seed of SEEDS) {
      const workload = workloadOf(seed);
      const { engine, texts, ...counts } = await run(workload);
      parkedRows += counts.parkedRows;
      for (const [index, text] of texts.entries()) {
        const asked = workload.asked[index];
        if (asked === undefined || text.startsWith("Error: ")) {
          continue;
        }
        const alone = await answerAlone(asked);
        const told = text.replace("…", "");
        const expected = told === text ? alone : alone.slice(0, told.length);
        expect(told, `seed ${seed}, request ${index}`).toBe(expected);
      }
      const { waiting, running, freeSlots, slots, preemptions: count } = engine.snapshot();
      expect({ waiting, running, freeSlots }).toEqual({
        waiting: [],
        running: [],
        freeSlots: slots,
      });
      preemptions += count;
    }
    expect(preemptions).toBeGreaterThan(SEEDS.length);
    expect(parkedRows).toBeGreaterThan(SEEDS.length);
  });

  it("lets a job end though requests of people never do", async () => {
    let clock = 0;
    const engine: Engine = new Engine(new SumModel(2), {
      prefillChunk: 4,
      lonePrefillChunk: 4,
      now: () => (clock += 1000),
      observer: { stepped: () => assertInvariants(engine.snapshot()) },
    });
    const job = sequenceOf("job", [1, 2, 3], { maxTokens: 20, priority: "batch" });
    const progress = { isJobDone: false };
    let people = 0;
    const keepAsking = async () => {
      while (!progress.isJobDone && people < 2000) {
        const sequence = sequenceOf(`p${people++}`, [people % 26, 4], { maxTokens: 6 });
        engine.submit(sequence);
        await textOf(sequence.answer);
      }
    };
    const asking = Promise.all([keepAsking(), keepAsking(), keepAsking(), keepAsking()]);
    engine.submit(job);
    const text = await textOf(job.answer);
    progress.isJobDone = true;
    await asking;
    expect(text).toHaveLength(20);
    expect(people).toBeGreaterThan(8); // the job gave way at first
    expect(people).toBeLessThan(2000);
  });
});
