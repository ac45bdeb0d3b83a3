import { describe, expect, it } from "vitest";

import {
  WorkerRequest,
  abortPath,
  cidUrl,
  formatPromptUsage,
  mediaNameOf,
  parsePromptUsage,
} from "./worker-protocol.ts";

const medium = { name: "media-0", bytes: 5, sha256: "0".repeat(64), type: "image/png" };
const large = { ...medium, bytes: 17 * 2 ** 20 };
const stored = { ...medium, url: "https://s3.example.com/media/a", etag: '"e"' };
const request = { id: "req_1-a", tenant: "key_1", body: { any: "thing" }, media: [medium] };

describe("WorkerRequest", () => {
  it("takes any body, which the worker parses itself", () => {
    const defaults = { priority: "interactive", stored: [] };
    expect(WorkerRequest.parse(request)).toEqual({ ...request, ...defaults });
    expect(WorkerRequest.safeParse({ ...request, body: null, media: [] }).success).toBe(true);
    const inBucket = [stored, { ...stored, sha256: null }];
    expect(WorkerRequest.safeParse({ ...request, stored: inBucket }).success).toBe(true);
  });

  it.each([
    ["an id that leaves its path", { id: "../x" }, "id"],
    ["an id of 129 characters", { id: "a".repeat(129) }, "id"],
    ["another name", { media: [{ ...medium, name: "request" }] }, "media.0.name"],
    ["no bytes", { media: [{ ...medium, bytes: 0 }] }, "media.0.bytes"],
    ["32 MiB and a byte", { media: [{ ...medium, bytes: 32 * 2 ** 20 + 1 }] }, "media.0.bytes"],
    ["a digest in capitals", { media: [{ ...medium, sha256: "A".repeat(64) }] }, "media.0.sha256"],
    ["1025 media", { media: Array.from({ length: 1025 }, () => medium) }, "media"],
    ["more bytes than travel inside a request", { media: [large, large] }, "media"],
    ["another priority", { priority: "urgent" }, "priority"],
    ["a URL of another scheme", { stored: [{ ...stored, url: "file:///a" }] }, "stored.0.url"],
    ["a stored medium of no bytes", { stored: [{ ...stored, bytes: 0 }] }, "stored.0.bytes"],
    ["an unknown field", { hurry: 1 }, ""],
  ])("refuses %s", (_, change, path) => {
    const { error } = WorkerRequest.safeParse({ ...request, ...change });
    expect(error?.issues[0]?.path.join(".")).toBe(path);
  });
});

it("names media of the body by cid: URLs, and no others", () => {
  expect(mediaNameOf(cidUrl("media-7"))).toBe("media-7");
  expect(mediaNameOf("https://example.com/cid:media-7")).toBeUndefined();
});

it("reads the prompt's usage back from its header, and zeros from another", () => {
  const counts = { prompt: 84, cached: 1, image: 64, video: 3 };
  expect(formatPromptUsage(counts)).toBe("prompt=84, cached=1, image=64, video=3");
  expect(parsePromptUsage(formatPromptUsage(counts))).toEqual(counts);
  expect(parsePromptUsage("")).toEqual({ prompt: 0, cached: 0, image: 0, video: 0 });
});

it("puts a request's id into the path of its abort", () => {
  expect(abortPath("req_1")).toBe("/v1/requests/req_1/abort");
});
