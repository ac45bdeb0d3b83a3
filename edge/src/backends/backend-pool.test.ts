import { WORKER_LOAD_HEADER } from "@qwen3-vl/shared/worker-load";
import { beforeEach, describe, expect, it } from "vitest";

import { BackendPool } from "./backend-pool.ts";
import type { Backend } from "./backend-pool.ts";

const secret = "a secret of at least 32 characters";
const workers = ["http://a:8000", "http://b:8000"].map((url) => ({ url: new URL(url), secret }));
const NONE = new Headers();
const told = (requests: number, slots = 2) =>
  new Headers({ [WORKER_LOAD_HEADER]: `requests=${requests}, slots=${slots}, places=72` });

let pool: BackendPool;
let home: Backend;
let other: Backend;
beforeEach(() => {
  pool = new BackendPool(workers);
  const [first, second] = pool.candidates("conversation", 0);
  if (first === undefined || second === undefined) {
    throw new Error("expected two backends");
  }
  [home, other] = [first, second];
});

const firstAt = (now: number) => pool.candidates("conversation", now)[0];

describe("a pool of backends", () => {
  it("leaves a backend that failed three times, and comes back when a health call succeeds", () => {
    for (let failure = 0; failure < 3; failure++) {
      expect(firstAt(0)).toBe(home);
      home.failed(0);
    }
    expect(pool.candidates("conversation", 0)).toEqual([other]);
    expect(home.takeProbe(4999)).toBe(false);
    expect(home.takeProbe(5000)).toBe(true);
    expect(firstAt(5000)).toBe(other);
    home.answered(NONE, 0, 5100);
    expect(firstAt(5100)).toBe(home);
  });

  it("lets one request at a time make the health call, and another when that one has gone", () => {
    [0, 0, 0].forEach((now) => home.failed(now));
    expect([5000, 5001, 9999, 10_000].map((now) => home.takeProbe(now))).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it("forgets failures with the first success", () => {
    home.failed(0);
    home.failed(0);
    home.answered(NONE, 0, 0);
    home.failed(0);
    expect(firstAt(0)).toBe(home);
  });

  it("leaves a backend that is busy for as long as it says", () => {
    home.refused(told(72), 0, 0, 1000);
    expect(firstAt(999)).toBe(other);
    home.answered(told(0), 0, 1000);
    expect(firstAt(1000)).toBe(home);
  });

  it("counts its own calls until they leave, each once", () => {
    home.answered(told(0), 0, 0);
    const leave = [home.enter(), home.enter()];
    expect(firstAt(0)).toBe(other);
    leave[0]?.();
    leave[0]?.();
    expect(home.inFlight).toBe(1);
    expect(firstAt(0)).toBe(home);
  });

  it("counts what a backend tells of other callers, for ten seconds, without its own calls twice", () => {
    home.answered(told(5), 1, 0);
    expect(home.view(0)).toMatchObject({ requests: 4, slots: 2 });
    expect(firstAt(0)).toBe(other);
    expect(home.view(10_000)).toMatchObject({ requests: 0, slots: 2 });
    expect(firstAt(10_000)).toBe(home);
  });
});
