import { describe, expect, it } from "vitest";

import { StopStringFilter } from "./stop-strings.ts";

/** What is shown of each part, and the rest. */
function shown(stops: readonly string[], parts: readonly string[]): string[] {
  const filter = new StopStringFilter(stops);
  return [...parts.map((part) => filter.push(part).text), filter.flush()];
}

describe("StopStringFilter", () => {
  it("shows everything at once without stop strings", () => {
    expect(shown([], ["a", "b"])).toEqual(["a", "b", ""]);
  });

  it("cuts before a stop string and drops all that follows", () => {
    const filter = new StopStringFilter(["END"]);
    expect(filter.push("abc END def")).toEqual({ text: "abc ", stopped: true });
    expect(filter.push("more")).toEqual({ text: "", stopped: true });
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
});
