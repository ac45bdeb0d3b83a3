import { describe, expect, it } from "vitest";

import { preferredBackends } from "./backend-choice.ts";
import type { BackendView } from "./backend-choice.ts";

const view = (id: string, known: Partial<BackendView> = {}): BackendView => ({
  id,
  requests: 0,
  slots: 4,
  circuit: "closed",
  isBusy: false,
  ...known,
});

const CONVERSATION = "a conversation";
const [home = "", second = "", third = ""] = order([view("a"), view("b"), view("c")]);

function order(backends: readonly BackendView[], conversation = CONVERSATION): string[] {
  return preferredBackends(conversation, backends).map(({ id }) => id);
}

describe("a conversation", () => {
  it("goes to the same backend again, and elsewhere than some others do", () => {
    expect(order([view("c"), view("a"), view("b")])).toEqual([home, second, third]);
    const homes = Array.from(
      { length: 50 },
      (_, index) => order([view("a"), view("b"), view("c")], `conversation ${index}`)[0],
    );
    expect(new Set(homes)).toEqual(new Set(["a", "b", "c"]));
  });

  it("stays while there is a free slot, whatever the others do", () => {
    expect(order([view(home, { requests: 3 }), view(second), view(third)])[0]).toBe(home);
  });

  it("stays in a crowd where all are equally full", () => {
    const crowd = [home, second, third].map((id) => view(id, { requests: 20 }));
    expect(order(crowd)[0]).toBe(home);
  });

  it("moves to its next backend when its own is above the mean by a quarter", () => {
    const backends = [view(home, { requests: 9 }), view(second, { requests: 5 }), view(third)];
    expect(order(backends)).toEqual([second, third, home]);
  });

  it("prefers the least loaded of those that are overfull", () => {
    const backends = [
      view(home, { requests: 30 }),
      view(second, { requests: 28, slots: 8 }),
      view(third),
    ];
    expect(order(backends)).toEqual([third, second, home]);
  });
});

describe("a backend that is down or full", () => {
  it.each<[string, Partial<BackendView>]>([
    ["open", { circuit: "open" }],
    ["half open", { circuit: "half_open" }],
    ["busy", { isBusy: true }],
  ])("is not tried while it is %s and another is well", (_, known) => {
    expect(order([view(home, known), view(second), view(third)])).toEqual([second, third]);
  });

  it("is tried where there is no other, the likeliest first", () => {
    const backends = [
      view(home, { circuit: "open" }),
      view(second, { circuit: "half_open" }),
      view(third, { isBusy: true }),
    ];
    expect(order(backends)).toEqual([third, second, home]);
  });
});
