import { describe, expect, it } from "vitest";

import { seededRandom } from "./random.ts";
import { StopStringFilter } from "./stop-strings.ts";

/** What is shown of each part, and the rest. */
function shown(stops: readonly string[], parts: readonly string[]): string[] {
  const filter = new StopStringFilter(stops);
  return [...parts.map((part) => filter.push(part)), filter.flush()];
}

describe("StopStringFilter", () => {
  it("shows everything at once without stop strings", () => {
    expect(shown([], ["a", "b"])).toEqual(["a", "b", ""]);
  });

  it("cuts before a stop string and drops all that follows", () => {
    const filter = new StopStringFilter(["END"]);
    expect(filter.push("abc END def")).toBe("abc ");
    expect(filter.stopped).toBe(true);
    expect(filter.push("more")).toBe("");
    expect(filter.flush()).toBe("");
  });

  it("holds back only what could begin a stop string", () => {
    expect(shown(["END"], ["a E", "N", "x", "EN"])).toEqual(["a ", "", "ENx", "", "EN"]);
  });

  it("finds a stop string that begins within a failed one", () => {
    expect(shown(["aab"], ["aa", "ab", "c"])).toEqual(["", "a", "", ""]);
  });

  it("cuts before the stop string that is complete first, the longer of two that end together", () => {
    expect(shown(["cd", "bcd", "e"], ["abcde"]).join("")).toBe("a");
    expect(shown(["bc", "abcd"], ["abcd"]).join("")).toBe("a");
  });

  it("gives the same text however it is parted", () => {
    const stops = ["bc", "abcd", "dd"];
    for (const text of ["xabcd", "aabdd", "abab", "xbabcabcd"]) {
      const whole = shown(stops, [text]).join("");
      expect(shown(stops, Array.from(text)).join("")).toBe(whole);
      for (let cut = 1; cut < text.length; cut++) {
        expect(shown(stops, [text.slice(0, cut), text.slice(cut)]).join("")).toBe(whole);
      }
    }
  });

  it("shows the stop string itself where that is asked for", () => {
    const filter = new StopStringFilter(["END"], { showsStop: true });
    expect([filter.push("abc EN"), filter.push("D def"), filter.stopped]).toEqual([
      "abc ",
      "END",
      true,
    ]);
  });

  it("passes over a stop string that ends too early, and finds one that only begins there", () => {
    const filter = new StopStringFilter(["END", "D."]);
    expect([filter.push("END EN", false), filter.push("D"), filter.stopped]).toEqual([
      "END ",
      "",
      true,
    ]);
  });

  it("finds what indexOf finds, in any text of few letters", () => {
    const random = seededRandom(1);
    const letters = (length: number) =>
      Array.from({ length }, () => "ab"[Math.floor(random() * 2)]).join("");
    for (let round = 0; round < 500; round++) {
      const [stop, text] = [letters(1 + Math.floor(random() * 5)), letters(12)];
      const found = text.indexOf(stop);
      expect(shown([stop], Array.from(text)).join("")).toBe(
        found < 0 ? text : text.slice(0, found),
      );
    }
  });
});
