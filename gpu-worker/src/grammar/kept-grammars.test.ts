import { describe, expect, it } from "vitest";

import { KeptGrammars } from "./kept-grammars.ts";

describe("KeptGrammars", () => {
  it("gives up what was used longest ago, once there are more than 32", () => {
    const kept = new KeptGrammars<number>();
    const givenUp = Array.from({ length: 32 }, (_, index) => kept.use(`grammar ${index}`, index));
    expect(givenUp.flat()).toEqual([]);
    kept.use("grammar 0", 0);
    expect(kept.use("another", 32)).toEqual([1]);
    expect([kept.get("grammar 0"), kept.has("grammar 1")]).toEqual([0, false]);
  });

  it("keeps fewer where they are large, and the newest however large", () => {
    const kept = new KeptGrammars<string>();
    kept.use("small", "small");
    const large = "x".repeat(2 ** 22);
    expect(kept.use(large, "large")).toEqual(["small"]);
    expect(kept.has(large)).toBe(true);
    expect(kept.use("next", "next")).toEqual(["large"]);
  });
});
