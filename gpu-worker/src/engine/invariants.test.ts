import { describe, expect, it } from "vitest";

import { assertInvariants } from "./invariants.ts";
import { snapshotOf } from "./test-sequences.ts";

const running = (...slots: (number | undefined)[]) =>
  slots.map((slot, index) => ({
    id: `s${index}`,
    slot,
    cachedTokens: 0,
    turn: index,
    length: 9,
    lentTokens: 10,
    isParked: false,
  }));

describe("assertInvariants", () => {
  it("accepts slots that are each free or held once", () => {
    const full = snapshotOf({ running: running(2, 0), freeSlots: 1, slots: 3 });
    expect(() => assertInvariants(full)).not.toThrow();
    expect(() => assertInvariants(snapshotOf({ freeSlots: 3, slots: 3 }))).not.toThrow();
  });

  it("refuses a slot that two sequences hold, none, or one that does not exist", () => {
    for (const slots of [running(1, 1), running(0, undefined), running(0, 3)]) {
      const snapshot = snapshotOf({ running: slots, freeSlots: 1, slots: 3 });
      expect(() => assertInvariants(snapshot)).toThrow("in a slot of its own");
    }
  });

  it("refuses a slot that is lost", () => {
    const snapshot = snapshotOf({ running: running(0), freeSlots: 1, slots: 3 });
    expect(() => assertInvariants(snapshot)).toThrow("1 slots are held and 1 free, expected 3");
  });

  it("refuses more tokens than there is memory for, in all or of one sequence", () => {
    const tooMany = snapshotOf({ tokenBudget: 100, heldTokens: 101 });
    expect(() => assertInvariants(tooMany)).toThrow("101 tokens are held, expected at most 100");
    const [one] = running(0);
    const beyond = {
      ...one,
      id: "s",
      slot: 0,
      turn: 0,
      length: 30,
      cachedTokens: 11,
      lentTokens: 10,
      isParked: false,
    };
    const snapshot = snapshotOf({ running: [beyond], freeSlots: 7 });
    expect(() => assertInvariants(snapshot)).toThrow(
      "s has 11 tokens in the cache, expected at most 10",
    );
  });

  it("refuses one that is parked with tokens to run, or has none and is not parked", () => {
    const [one] = running(0);
    const parked = { ...one, id: "s", slot: 0, turn: 0, length: 9, lentTokens: 10 };
    const of = (state: { cachedTokens: number; isParked: boolean }) =>
      snapshotOf({ running: [{ ...parked, ...state }], freeSlots: 7 });
    expect(() => assertInvariants(of({ cachedTokens: 9, isParked: true }))).not.toThrow();
    expect(() => assertInvariants(of({ cachedTokens: 8, isParked: true }))).toThrow(
      "s has 8 of 9 tokens in the cache and is parked",
    );
    expect(() => assertInvariants(of({ cachedTokens: 9, isParked: false }))).toThrow("not parked");
  });

  it("refuses a line that is out of order", () => {
    const waiting = [
      { id: "a", turn: 2 },
      { id: "b", turn: 1 },
    ];
    expect(() => assertInvariants(snapshotOf({ waiting }))).toThrow("waiting b stands behind");
  });
});
