import { readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { DENSE, FOLDER, TestFetch, WEIGHTS, once } from "./test-fetch.ts";
import { COMMIT, REPOSITORY, beginningOf, rangeOf, rangeStart, refusal } from "./test-hub.ts";
import type { TestHub } from "./test-hub.ts";
import { MAX_SILENCE_MS } from "./watchdog.ts";

let fetching: TestFetch;
let hub: TestHub;
beforeEach(async () => {
  fetching = await TestFetch.open();
  ({ hub } = fetching);
});
afterEach(() => fetching[Symbol.asyncDispose]());

async function isFetched(folder: string, name: string): Promise<boolean> {
  return (await readFile(join(folder, name))).equals(hub.fileOf(name));
}

/** What was asked for of the weights, request by request. */
function ranges(): (string | undefined)[] {
  return hub.requestsFor(WEIGHTS).map(({ headers }) => headers.range);
}

describe("the first start", () => {
  it("fetches the files of a checkpoint, byte for byte, and nothing else", async () => {
    hub.files.set("README.md", Buffer.from("# Dense"));
    hub.files.set("pytorch_model.bin", Buffer.alloc(100));
    const folder = await fetching.start();
    expect(folder).toBe(join(fetching.root, FOLDER));
    const names = await readdir(DENSE);
    expect((await readdir(folder)).toSorted()).toEqual(names.toSorted());
    for (const name of names) {
      expect(await isFetched(folder, name)).toBe(true);
    }
  });

  it("fetches the shards that the index names, and no other weights", async () => {
    const names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    for (const name of names) {
      hub.files.set(name, Buffer.from(name));
    }
    const index = { weight_map: { a: names[0], b: names[1], c: names[0] } };
    hub.files.set("model.safetensors.index.json", Buffer.from(JSON.stringify(index)));
    const fetched = await readdir(await fetching.start());
    expect(fetched).toEqual(expect.arrayContaining(names));
    expect(fetched).not.toContain(WEIGHTS);
  });

  it("reads a listing of many pages", async () => {
    hub.pageSize = 2;
    expect(await fetching.start()).toBe(join(fetching.root, FOLDER));
  });

  it("tells how far it is, up to all bytes", async () => {
    await fetching.start();
    const total = [...hub.files.values()].reduce((sum, { length }) => sum + length, 0);
    const last = { label: REPOSITORY, doneBytes: total, totalBytes: total };
    expect(fetching.shown.at(-1)).toMatchObject(last);
    expect(fetching.shown.every(({ doneBytes }) => doneBytes <= total)).toBe(true);
  });

  it("takes the revision that is asked for", async () => {
    await fetching.start({ revision: "refs/pr/1" });
    expect(hub.requests[0]?.url).toMatch(/\/revision\/refs%2Fpr%2F1\?/);
  });
});

describe("the next start", () => {
  it.each(["main", "v1", COMMIT])("makes no request: %s", async (revision) => {
    const folder = await fetching.start({ revision });
    hub.requests.length = 0;
    expect(await fetching.start({ revision })).toBe(folder);
    expect(hub.requests).toEqual([]);
  });

  it("fetches again when the folder was deleted", async () => {
    await rm(await fetching.start(), { recursive: true });
    await fetching.start();
    expect(hub.requestsFor(WEIGHTS)).toHaveLength(2);
  });

  it("shares one commit between the names for it", async () => {
    await fetching.start({ revision: "main" });
    await fetching.start({ revision: "v1" });
    expect(hub.requestsFor(WEIGHTS)).toHaveLength(1);
  });

  it("waits for another that fetches, and fetches nothing twice", async () => {
    const starts = [fetching.start(), fetching.start(), fetching.start()];
    expect(new Set(await Promise.all(starts))).toEqual(new Set([join(fetching.root, FOLDER)]));
    expect(hub.requestsFor(WEIGHTS)).toHaveLength(1);
    expect(fetching.notes).toContain(`waiting for another start that fetches ${REPOSITORY}`);
  });
});

describe("an interruption", () => {
  it("costs no byte that has come: the same start goes on", async () => {
    const half = hub.fileOf(WEIGHTS).length / 2;
    fetching.onWeights(once(fetching.cutWeights(half)));
    const folder = await fetching.start();
    expect(await isFetched(folder, WEIGHTS)).toBe(true);
    expect(ranges()).toEqual([undefined, `bytes=${half}-`]);
    expect(fetching.notes).toEqual([expect.stringContaining("again in")]);
  });

  it("costs no byte that has come: the next start goes on, with whole files kept", async () => {
    fetching.onWeights((request) =>
      rangeStart(request) > 0 ? refusal(503) : fetching.cutWeights(1000),
    );
    expect(await fetching.complaint()).toMatch(/: the host that stores the files answered 503$/);
    expect(await readdir(fetching.root)).not.toContain(FOLDER);

    hub.intercept = () => undefined;
    hub.requests.length = 0;
    const folder = await fetching.start();
    expect(ranges()).toEqual(["bytes=1000-"]);
    expect(hub.requestsFor("tokenizer.json")).toEqual([]);
    expect(hub.requestsFor("config.json")).toEqual([]);
    expect(await isFetched(folder, WEIGHTS)).toBe(true);
  });

  it("may come any number of times while the file grows", async () => {
    const step = Math.ceil(hub.fileOf(WEIGHTS).length / 20);
    fetching.onWeights(() => fetching.cutWeights(step));
    await fetching.start();
    expect(ranges()).toHaveLength(20);
    expect(Math.max(...fetching.delays)).toBeLessThan(2000);
  });

  it("starts over with a server that ignores the range", async () => {
    const whole = rangeOf(hub.fileOf(WEIGHTS));
    fetching.onWeights((request) =>
      rangeStart(request) === 0
        ? fetching.cutWeights(1000)
        : (response) => whole(response, { ...request, headers: {} }),
    );
    expect(await isFetched(await fetching.start(), WEIGHTS)).toBe(true);
    const last = fetching.shown.at(-1);
    expect(last?.doneBytes).toBe(last?.totalBytes);
  });

  it("is also a server that falls silent", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      fetching.onWeights(
        once((response, request) => {
          beginningOf(hub.fileOf(WEIGHTS), 0)(response, request);
          vi.advanceTimersByTime(MAX_SILENCE_MS);
        }),
      );
      await fetching.start();
    } finally {
      vi.useRealTimers();
    }
    expect(fetching.notes).toEqual([`${REPOSITORY}: no answer for 60 s; again in 2 s`]);
  });
});
