import { describe, expect, it } from "vitest";

import { equalInConstantTime, sha256Hex, signCall, verifyCall } from "./signature.ts";
import type { SignedCall } from "./signature.ts";

const secret = "a secret of at least 32 characters";
const call = { method: "POST", path: "/v1/chat/completions", content: '{"a":"é"}' };
const now = new Date("2026-01-01T00:00:00Z");
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);

describe("a signature", () => {
  it("has a stable form", async () => {
    const header = await signCall(secret, { method: "GET", path: "/", content: "" }, now);
    expect(header).toMatch(/^t=1767225600,v1=[\da-f]{64}$/);
  });

  it("holds for its call, of text or the same bytes, a minute before and after", async () => {
    const header = await signCall(secret, call, now);
    const bytes = { ...call, content: new TextEncoder().encode(call.content) };
    await expect(verifyCall(secret, bytes, header, now)).resolves.toBeUndefined();
    await expect(verifyCall(secret, call, header, later(60))).resolves.toBeUndefined();
    await expect(verifyCall(secret, call, header, later(-60))).resolves.toBeUndefined();
  });

  it.each<[string, Partial<SignedCall>]>([
    ["another method", { method: "GET" }],
    ["another path", { path: "/v1/models" }],
    ["other content", { content: '{"a":"e"}' }],
    ["no content", { content: "" }],
    ["parts that join to the same text", { method: "POST\n/v1", path: "/chat/completions" }],
  ])("does not hold for %s", async (_, change) => {
    const header = await signCall(secret, call, now);
    await expect(verifyCall(secret, { ...call, ...change }, header, now)).rejects.toMatchObject({
      code: "invalid_api_key",
      message: expect.stringContaining("does not match the call"),
    });
  });

  it("does not hold for another secret or another time", async () => {
    const header = await signCall(secret, call, now);
    await expect(verifyCall(`${secret}.`, call, header, now)).rejects.toThrow("does not match");
    const moved = header.replace("t=1767225600", "t=1767225601");
    await expect(verifyCall(secret, call, moved, now)).rejects.toThrow("does not match");
    await expect(verifyCall(secret, call, header, later(61))).rejects.toThrow("has expired");
    await expect(verifyCall(secret, call, header, later(-62))).rejects.toThrow("has expired");
  });

  it.each([
    undefined,
    "",
    "t=1,v1=",
    `v1=${"a".repeat(64)}`,
    `t=1,v1=${"A".repeat(64)}`,
    `t=1,v1=${"a".repeat(64)},v1=${"a".repeat(64)}`,
    `t=1e3,v1=${"a".repeat(64)}`,
    `t=${"9".repeat(13)},v1=${"a".repeat(64)}`,
  ])("is refused as malformed: %s", async (header) => {
    await expect(verifyCall(secret, call, header, now)).rejects.toMatchObject({
      code: "invalid_api_key",
      message: "X-Worker-Signature is missing or malformed.",
    });
  });
});

it("digests as SHA-256 does", async () => {
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  expect(await sha256Hex("")).toBe(empty);
  expect(await sha256Hex(new Uint8Array())).toBe(empty);
});

it("compares whole texts", () => {
  expect(equalInConstantTime("abc", "abc")).toBe(true);
  for (const [a, b] of [
    ["abc", "abd"],
    ["abc", "ab"],
    ["ab", "abc"],
    ["", "a"],
  ] as const) {
    expect(equalInConstantTime(a, b)).toBe(false);
  }
});
