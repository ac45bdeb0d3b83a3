import { readdir } from "node:fs/promises";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { FOLDER, TOKEN, TestFetch, WEIGHTS } from "./test-fetch.ts";
import { COMMIT, REPOSITORY, rangeOf, refusal } from "./test-hub.ts";
import type { ListedEntry, SeenRequest, TestHub } from "./test-hub.ts";

let fetching: TestFetch;
let hub: TestHub;
beforeEach(async () => {
  fetching = await TestFetch.open();
  ({ hub } = fetching);
});
afterEach(() => fetching[Symbol.asyncDispose]());

function bearers(host: SeenRequest["host"]): Set<string | undefined> {
  const seen = hub.requests.filter((request) => request.host === host);
  return new Set(seen.map(({ headers }) => headers.authorization));
}

function index(names: string[]): Buffer {
  const map = Object.fromEntries(names.map((name) => [name, name]));
  return Buffer.from(JSON.stringify({ weight_map: map }));
}

/** Replaces one entry of the listing. */
function edit(path: string, replace: (entry: ListedEntry) => unknown[]): void {
  hub.edit = (entries) =>
    entries.flatMap((entry) => (entry.path === path ? replace(entry) : [entry]));
}

describe("the token", () => {
  it("goes to the hub, and never to the host that it redirects to", async () => {
    await fetching.start({ token: TOKEN });
    expect(bearers("hub")).toEqual(new Set([`Bearer ${TOKEN}`]));
    expect(bearers("cdn")).toEqual(new Set([undefined]));
  });

  it("also goes to another address of the hub, where it keeps small files", async () => {
    const kept = "/api/resolve-cache/config.json";
    hub.intercept = ({ url }) => {
      if (url === kept) {
        return rangeOf(hub.fileOf("config.json"));
      }
      const isConfig = url === `/${REPOSITORY}/resolve/${COMMIT}/config.json`;
      return isConfig ? refusal(307, undefined, { Location: kept }) : undefined;
    };
    await fetching.start({ token: TOKEN });
    const seen = hub.requests.find(({ url }) => url === kept);
    expect(seen?.headers.authorization).toBe(`Bearer ${TOKEN}`);
  });

  it("does not follow a listing that goes on at another host", async () => {
    const headers = { Link: `<${hub.cdn}/elsewhere>; rel="next"` };
    hub.intercept = ({ url }) =>
      url.includes("/tree/") ? (response) => response.writeHead(200, headers).end("[]") : undefined;
    await fetching.complaint({ token: TOKEN });
    expect(bearers("cdn")).toEqual(new Set([undefined]));
  });

  it("is in nothing that is told, nor is the signature of a link", async () => {
    fetching.onWeights(() => refusal(503));
    const said = await fetching.complaint({ token: TOKEN });
    expect([said, ...fetching.notes].join("\n")).not.toMatch(/token-of|signature/);
  });
});

describe("names that the hub gives", () => {
  it.each(["../outside.safetensors", "/etc/outside.safetensors", "a/../../outside.safetensors"])(
    "never lead out of the folder: %s",
    async (name) => {
      hub.files.set(name, Buffer.from("outside"));
      hub.files.set("model.safetensors.index.json", index([name]));
      expect(await fetching.complaint()).toContain("is not a file of the folder");
    },
  );

  it("never lead out of the folder: those listed beside the others", async () => {
    hub.files.set("../config.json", Buffer.from("outside"));
    hub.files.set("sub/config.json", Buffer.from("below"));
    const folder = await fetching.start();
    const kept = [FOLDER, "test--dense.lock", "test--dense@main"];
    expect((await readdir(fetching.root)).toSorted()).toEqual(kept.toSorted());
    expect(await readdir(folder)).not.toContain("sub");
  });

  it("are refused when they differ in case only", async () => {
    const names = ["a.safetensors", "A.safetensors"];
    for (const name of names) {
      hub.files.set(name, Buffer.from(name));
    }
    hub.files.set("model.safetensors.index.json", index(names));
    expect(await fetching.complaint()).toBe(
      `${REPOSITORY}: A.safetensors and a.safetensors differ in case only`,
    );
  });

  it("are refused when one is listed twice", async () => {
    edit("config.json", (entry) => [entry, entry]);
    expect(await fetching.complaint()).toBe(`${REPOSITORY}: config.json is listed twice`);
  });

  it.each([
    ["config.json", 2 ** 30, "config.json has 1073741824 bytes, at most 67108864 allowed"],
    [WEIGHTS, 2 ** 40, "model.safetensors has 1099511627776 bytes, at most 68719476736 allowed"],
  ])("are refused with a size that none has: %s", async (name, size, says) => {
    edit(name, ({ lfs, ...entry }) => [
      { ...entry, size, ...(lfs === undefined ? {} : { lfs: { ...lfs, size } }) },
    ]);
    expect(await fetching.complaint()).toBe(`${REPOSITORY}: ${says}`);
  });
});
