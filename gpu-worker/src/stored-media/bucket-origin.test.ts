import { describe, expect, it } from "vitest";

import { isInBucket } from "./bucket-origin.ts";

describe("isInBucket", () => {
  it.each([
    ["https://s3.example.com/media/files/a?X-Amz-Signature=1", true],
    ["https://s3.example.com/media/", true],
    ["https://s3.example.com/media", false],
    ["https://s3.example.com/media2/a", false],
    ["https://s3.example.com/media/../other/a", false],
    ["https://s3.example.com/media/%2e%2e/other/a", false],
    ["https://s3.example.com/other/media/a", false],
    ["http://s3.example.com/media/a", false],
    ["https://s3.example.com:8443/media/a", false],
    ["https://s3.example.com.evil.com/media/a", false],
    ["https://evil.com/media/a", false],
    ["https://user@s3.example.com/media/a", false],
    ["https://s3.example.com@evil.com/media/a", false],
    ["file:///media/a", false],
    ["media/a", false],
  ])("of %s is %s", (url, expected) => {
    expect(isInBucket(url, "https://s3.example.com/media")).toBe(expected);
  });

  it("takes a bucket that has a host of its own", () => {
    expect(isInBucket("https://media.s3.example.com/a", "https://media.s3.example.com")).toBe(true);
  });
});
