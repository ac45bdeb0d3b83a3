import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { MAX_VIDEO_BYTES } from "@qwen3-vl/shared/limits";
import type { StoredMedium } from "@qwen3-vl/shared/worker-protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { StoredMedia } from "./stored-media.ts";
import { ETAG, TestBucket, begin, breakingOffAfter, serve } from "./test-bucket.ts";

const LARGE = MAX_VIDEO_BYTES + 1000;
const small = Buffer.from("a small picture");
const large = Buffer.alloc(LARGE, "clip");
const { signal: never } = new AbortController();

let bucket: TestBucket;
let folder: string;
beforeEach(async () => {
  bucket = await TestBucket.start();
  folder = await mkdtemp(join(tmpdir(), "qwen3-vl-stored-"));
});
afterEach(async () => {
  await bucket[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }); // a fetch that was given up may just end
});

const RANGE = 20 * 2 ** 20;
const limits = { attempts: 3, stallMs: 300, rangeBytes: RANGE };
const open = (maxDiskBytes = 2 ** 30) =>
  new StoredMedia({ origin: bucket.url, folder, maxDiskBytes, limits });
const fetchOne = (medium: StoredMedium, signal = never) => open().fetch([medium], signal);

async function filesLeft(): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

describe("media in the bucket", () => {
  it("come into memory when they are small, and onto the disk until they are let go", async () => {
    const media = [bucket.put("a", small), { ...bucket.put("b", large), name: "media-1" }];
    const fetched = await open().fetch(media, never);
    expect(fetched.media.get("media-0")).toEqual(new Uint8Array(small));
    const clip = fetched.media.get("media-1");
    if (clip === undefined || clip instanceof Uint8Array) {
      throw new Error("expected a file");
    }
    expect(clip.byteLength).toBe(LARGE);
    expect(Buffer.from(clip.digest).toString("hex")).toBe(media[1]?.sha256);
    expect((await readFile(clip.path)).equals(large)).toBe(true);
    await fetched[Symbol.asyncDispose]();
    expect(existsSync(clip.path)).toBe(false);
  });

  it.each([
    ["memory", small],
    ["the disk", large],
  ])("go on where a connection broke off, into %s", async (_, content) => {
    const medium = bucket.put("a", content, breakingOffAfter(10));
    await using fetched = await fetchOne(medium);
    expect(fetched.media.size).toBe(1);
    const end = Math.min(RANGE, content.length) - 1;
    expect(bucket.ranges[0]).toBe(`bytes=0-${end}`);
    const resumed = /^bytes=(\d+)-(\d+)$/.exec(bucket.ranges[1] ?? "");
    expect(Number(resumed?.[1])).toBeGreaterThan(0);
    expect(resumed?.[2]).toBe(String(end));
  });

  it.each<[string, (medium: StoredMedium) => StoredMedium, string]>([
    ["has another SHA-256", (medium) => ({ ...medium, sha256: "0".repeat(64) }), "its SHA-256"],
    ["has another ETag", (medium) => ({ ...medium, etag: '"other"' }), "it was replaced"],
    ["is longer", (medium) => ({ ...medium, bytes: 5 }), "expected 5 bytes in all, got 15"],
    ["is shorter", (medium) => ({ ...medium, bytes: 99 }), "expected 99 bytes in all, got 15"],
    ["is not there", (medium) => ({ ...medium, url: `${medium.url}x` }), "status 404"],
  ])("are refused when one %s", async (_, change, message) => {
    const refused = fetchOne(change(bucket.put("a", small)));
    await expect(refused).rejects.toMatchObject({ code: "media_unreachable" });
    await expect(refused).rejects.toThrow(message);
  });

  it("are told by their ETag where nobody knows their SHA-256", async () => {
    await using fetched = await fetchOne({ ...bucket.put("a", small), sha256: null });
    expect(fetched.media.size).toBe(1);
  });

  it("are not fetched from where a redirect leads", async () => {
    const other = bucket.put("other", small);
    const medium = bucket.put("a", small, (_content, _request, response) => {
      response.writeHead(302, { Location: other.url, ETag: ETAG }).end();
    });
    await expect(fetchOne(medium)).rejects.toThrow("status 302");
  });

  it("are asked for again when the storage is busy or silent, some times", async () => {
    let calls = 0;
    const busy = bucket.put("busy", small, (content, request, response) => {
      calls++;
      if (calls === 1) {
        response.writeHead(503).end();
      } else if (calls === 3) {
        serve(content, request, response);
      } // the second call gets no answer at all
    });
    await using fetched = await fetchOne(busy);
    expect([calls, fetched.media.size]).toEqual([3, 1]);
    const silent = bucket.put("silent", small, () => undefined);
    await expect(fetchOne(silent)).rejects.toMatchObject({ code: "media_unreachable" });
  });

  it("outside of the deployment's bucket are never asked for", async () => {
    const medium = { ...bucket.put("a", small), url: bucket.url.replace("/bucket", "/other/a") };
    await expect(fetchOne(medium)).rejects.toThrow("outside of MEDIA_ORIGIN");
    const nowhere = new StoredMedia({ origin: undefined, folder, maxDiskBytes: 1 });
    await expect(nowhere.fetch([medium], never)).rejects.toThrow("MEDIA_ORIGIN is not set");
    expect(bucket.ranges).toEqual([]);
  });

  it("leave nothing on the disk when one of them fails, or the client leaves", async () => {
    const bad = { ...bucket.put("bad", small), name: "media-1", etag: "other" };
    await expect(open().fetch([bucket.put("b", large), bad], never)).rejects.toThrow("replaced");
    expect(await filesLeft()).toEqual([]);

    const client = new AbortController();
    const hanging = bucket.put("hangs", large, (content, request, response) => {
      const body = begin(content, request, response);
      response.write(body.subarray(0, 1000), () => client.abort(new Error("the client left")));
    });
    await expect(fetchOne(hanging, client.signal)).rejects.toThrow("the client left");
    expect(await filesLeft()).toEqual([]);
  });

  it("wait for room on the disk, and are refused when there is too little at all", async () => {
    const stored = open(LARGE);
    const first = await stored.fetch([bucket.put("a", large)], never);
    let isThere = false;
    const second = stored.fetch([bucket.put("b", large)], never).then((fetched) => {
      isThere = true;
      return fetched;
    });
    await (await stored.fetch([bucket.put("c", small)], never))[Symbol.asyncDispose]();
    expect(isThere).toBe(false);
    await first[Symbol.asyncDispose]();
    await (await second)[Symbol.asyncDispose]();
    const tooLarge = open(LARGE - 1).fetch([bucket.put("a", large)], never);
    await expect(tooLarge).rejects.toMatchObject({ code: "media_too_large" });
  });
});

describe("the folder", () => {
  it("loses what workers that are gone have left, and nothing of one that runs", async () => {
    for (const name of ["999999999-abc", `${process.ppid}-abc`]) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, "clip"), "left");
    }
    await using fetched = await fetchOne(bucket.put("b", large));
    expect(fetched.media.size).toBe(1);
    const left = await readdir(folder);
    expect(left).toContain(`${process.ppid}-abc`);
    expect(left).not.toContain("999999999-abc");
  });
});
