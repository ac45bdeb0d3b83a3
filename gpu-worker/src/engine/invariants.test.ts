import { describe, expect, it } from "vitest";

import { assertInvariants } from "./invariants.ts";

const running = (...slots: (number | undefined)[]) =>
  slots.map((slot, index) => ({ id: `s${index}`, slot, cachedTokens: 0 }));

describe("assertInvariants", () => {
  it("accepts slots that are each free or held once", () => {
    const full = { waiting: 3, running: running(2, 0), freeSlots: 1, slots: 3, kvUsage: 0 };
    const idle = { waiting: 0, running: [], freeSlots: 3, slots: 3, kvUsage: 0 };
    expect(() => assertInvariants(full)).not.toThrow();
    expect(() => assertInvariants(idle)).not.toThrow();
  });

  it("refuses a slot that two sequences hold, none, or one that does not exist", () => {
    for (const slots of [running(1, 1), running(0, undefined), running(0, 3)]) {
      const snapshot = { waiting: 0, running: slots, freeSlots: 1, slots: 3, kvUsage: 0 };
      expect(() => assertInvariants(snapshot)).toThrow("in a slot of its own");
    }
  });

  it("refuses a slot that is lost", () => {
    const snapshot = { waiting: 0, running: running(0), freeSlots: 1, slots: 3, kvUsage: 0 };
    expect(() => assertInvariants(snapshot)).toThrow("1 slots are held and 1 free, expected 3");
  });
});
