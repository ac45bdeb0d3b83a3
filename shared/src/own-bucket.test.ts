import { describe, expect, it } from "vitest";

import { isOwnBucket } from "./own-bucket.ts";

const isOwn = (url: string, endpoint: string) =>
  isOwnBucket(new URL(url), { endpoint, bucket: "media" });

describe("an endpoint of the deployment's own is refused whole:", () => {
  const r2 = "https://account.r2.cloudflarestorage.com";
  it.each([
    ["https://account.r2.cloudflarestorage.com/media/a?X-Amz-Signature=1", true],
    ["https://media.account.r2.cloudflarestorage.com/a", true],
    ["https://ACCOUNT.r2.cloudflarestorage.com:8443/other/a", true],
    ["https://other.r2.cloudflarestorage.com/media/a", false],
    ["https://evilaccount.r2.cloudflarestorage.com/media/a", false],
  ])("%s", (url, expected) => {
    expect(isOwn(url, r2)).toBe(expected);
  });
});

describe("of Amazon's endpoint only our bucket is, under any of its names:", () => {
  const s3 = "https://s3.eu-central-1.amazonaws.com";
  it.each([
    ["https://s3.eu-central-1.amazonaws.com/media/a", true],
    ["https://media.s3.eu-central-1.amazonaws.com/a", true],
    ["https://media.s3-accelerate.amazonaws.com/a", true],
    ["https://media.s3.dualstack.eu-central-1.amazonaws.com/a", true],
    ["https://s3.amazonaws.com/%6dedia/a", true],
    ["https://s3.amazonaws.com//media/a", true],
    ["https://customer.s3.eu-central-1.amazonaws.com/a", false],
    ["https://example.com/media/a", false],
  ])("%s", (url, expected) => {
    expect(isOwn(url, s3)).toBe(expected);
  });
});

describe("on this machine the port decides:", () => {
  const local = "http://127.0.0.1:8787/cdn-cgi/local/r2/s3";
  it.each([
    ["http://127.0.0.1:8787/cdn-cgi/local/r2/s3/media/a", true],
    ["http://localhost:8787/cdn-cgi/local/r2/s3/media/a", true],
    ["http://[::1]:8787/x", true],
    ["http://127.0.0.1:9000/a.png", false],
  ])("%s", (url, expected) => {
    expect(isOwn(url, local)).toBe(expected);
  });
});
