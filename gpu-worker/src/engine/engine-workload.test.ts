import { describe, expect, it } from "vitest";

import { Engine } from "./engine.ts";
import { assertInvariants } from "./invariants.ts";
import type { ModelRow } from "./model.ts";
import { seededRandom } from "./random.ts";
import { Sampler } from "./sampler.ts";
import type { Sequence } from "./sequence.ts";
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
    };
  });
  const failures = new Set(below(3) === 0 ? [below(100), below(100)] : []);
  return { slots, tokenBudget: CAPACITY + below(CAPACITY), failures, asked };
}

function sequenceFor({ prompt, maxTokens, seed, priority, brokenToken }: Asked): Sequence {
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
  const sampler = new Sampler(settings, Int32Array.from(prompt));
  return sequenceOf(`s${seed}`, prompt, { maxTokens, sampler, decoder, priority });
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
  let clock = 0;
  const engine: Engine = new Engine(model, {
    prefillChunk: 4,
    lonePrefillChunk: 8,
    blockTokens: 8,
    now: () => (clock += 500),
    observer: { stepped: () => assertInvariants(engine.snapshot()) },
  });
  const outcomes: Promise<string>[] = [];
  const sequences: Sequence[] = [];
  const come = (step: number) => {
    for (const [index, one] of asked.entries()) {
      if (sequences[index] === undefined && one.comesAt <= step) {
        const sequence = sequenceFor(one);
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
    if (failures.has(step + failed)) {
      failed++;
      throw new Error("the device is gone");
    }
  };
  for (let step = 0; sequences.filter(Boolean).length < asked.length; step++) {
    come(step);
    await engine.idle();
  }
  await engine.idle();
  return { engine, texts: await Promise.all(outcomes) };
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
  it("gives every request the answer it gets alone, with little memory, aborts and failures", async () => {
    let preemptions = 0;
    for (const seed of SEEDS) {
      const workload = workloadOf(seed);
      const { engine, texts } = await run(workload);
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
