import { describe, expect, it } from "vitest";

import { TestMasks } from "../engine/test-masks.ts";
import { AfterToken } from "./after-token.ts";

const CLOSES = 7;

describe("AfterToken", () => {
  it("is free and never waits before its token, though its constraint is not ready", async () => {
    const masks = new TestMasks({ isLate: () => true });
    const constraint = new AfterToken(CLOSES, masks);
    await constraint.ready();
    expect(constraint.isReady).toBe(true);
    const logits = new Float32Array(3);
    constraint.apply(logits, []);
    constraint.accept(1);
    expect([...logits]).toEqual([0, 0, 0]);
    expect(masks.misuses).toEqual([]);
  });

  it("waits behind it until its constraint is ready, and is bound", async () => {
    const masks = new TestMasks({ isLate: () => true });
    const constraint = new AfterToken(CLOSES, masks);
    constraint.accept(CLOSES);
    expect(constraint.isReady).toBe(false);
    masks.release();
    await constraint.ready();
    expect(constraint.isReady).toBe(true);
    const logits = new Float32Array(3);
    constraint.apply(logits, [CLOSES]);
    expect([...logits]).toEqual([-Infinity, 0, 0]);
    expect(masks.tokens).toBe(0); // the token before it is none of its text
  });
});
