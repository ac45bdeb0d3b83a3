import type { TestMasks } from "./test-masks.ts";

interface Lateness {
  /** Steps that go by before the mask comes. */
  lateSteps: number;
  /** Tokens after which the mask fails when it comes; never where it is 0. */
  brokenMask: number;
}

/** Masks that are late by steps, or until nothing would run any more. */
export class HeldMasks {
  #held: { masks: TestMasks; stepsLeft: number; brokenMask: number }[] = [];

  /** Those that are one step late come while that step waits for them, if it waits at all. */
  hold(masks: TestMasks, { lateSteps, brokenMask }: Lateness): void {
    if (lateSteps === 1) {
      setImmediate(() => release(masks, brokenMask));
    } else {
      this.#held.push({ masks, stepsLeft: lateSteps - 1, brokenMask });
    }
  }

  passStep(): void {
    const held = this.#held;
    this.#held = [];
    for (const { masks, stepsLeft, brokenMask } of held) {
      if (stepsLeft === 1) {
        release(masks, brokenMask);
      } else {
        this.#held.push({ masks, stepsLeft: stepsLeft - 1, brokenMask });
      }
    }
  }

  releaseFirst(): void {
    const first = this.#held.shift();
    if (first !== undefined) {
      release(first.masks, first.brokenMask);
    }
  }
}

function release(masks: TestMasks, brokenMask: number): void {
  if (masks.tokens === brokenMask) {
    masks.releaseFailed(new Error("the grammar's thread is gone"));
  } else {
    masks.release();
  }
}
