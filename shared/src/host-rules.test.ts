import { describe, expect, it } from "vitest";

import { parseHostPatterns, permitsHost } from "./host-rules.ts";

describe("permitsHost", () => {
  it.each([
    ["everything without rules", {}, "example.com", true],
    ["a host that is allowed", { allow: ["example.com"] }, "example.com", true],
    ["no other", { allow: ["example.com"] }, "example.org", false],
    ["nothing below it", { allow: ["example.com"] }, "cdn.example.com", false],
    ["what is below a wildcard", { allow: ["*.example.com"] }, "a.cdn.example.com", true],
    ["not the wildcard's own host", { allow: ["*.example.com"] }, "example.com", false],
    ["no host that only ends alike", { allow: ["*.example.com"] }, "evilexample.com", false],
    ["nothing that is denied", { deny: ["*.example.com"] }, "cdn.example.com", false],
    [
      "not what is denied among the allowed",
      { allow: ["*.a.com"], deny: ["x.a.com"] },
      "x.a.com",
      false,
    ],
    ["nothing where the list is empty", { allow: [] }, "example.com", false],
  ])("permits %s", (_, rules, hostname, isPermitted) => {
    expect(permitsHost(rules, hostname)).toBe(isPermitted);
  });
});

describe("parseHostPatterns", () => {
  it("reads one list of any separators, as hosts stand in URLs", () => {
    expect(parseHostPatterns(" Example.com, *.bücher.example\ncdn.example.org ")).toEqual([
      "example.com",
      "*.xn--bcher-kva.example",
      "cdn.example.org",
    ]);
  });

  it.each([undefined, "", " , "])("of %j is none", (text) => {
    expect(parseHostPatterns(text)).toBeUndefined();
  });

  it.each(["https://example.com", "a*b.com", "*", "example.com/x", "example.com:443", "*.*.com"])(
    "refuses %s",
    (text) => {
      expect(() => parseHostPatterns(text)).toThrow(`${text} is not a host`);
    },
  );
});
