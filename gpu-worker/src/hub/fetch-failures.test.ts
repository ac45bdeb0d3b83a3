import { readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { FOLDER, TOKEN, TestFetch, WEIGHTS, once } from "./test-fetch.ts";
import { COMMIT, REPOSITORY, rangeOf, refusal } from "./test-hub.ts";
import type { TestHub } from "./test-hub.ts";

let fetching: TestFetch;
let hub: TestHub;
beforeEach(async () => {
  fetching = await TestFetch.open();
  ({ hub } = fetching);
});
afterEach(() => fetching[Symbol.asyncDispose]());

function space(bytes: number) {
  return { freeBytes: () => Promise.resolve(bytes) };
}

function partOf(name: string): string {
  return join(fetching.root, `${FOLDER}.part`, `${name}.part`);
}

describe("a passing failure", () => {
  it.each([429, 500, 502, 503, 504])("is tried again, later each time: %d", async (status) => {
    const failures = Array.from({ length: 3 }, () => refusal(status));
    hub.intercept = () => failures.pop();
    await fetching.start();
    const powers = fetching.delays.map((delay) => Math.floor(Math.log2(delay / 1000)));
    expect(powers).toEqual([0, 1, 2]);
  });

  it("is tried again when the hub says so", async () => {
    hub.intercept = once(refusal(429, undefined, { "Retry-After": "7" }));
    await fetching.start();
    expect(fetching.delays).toEqual([7000]);
  });

  it("is tried again at once when the hub names a date that has passed", async () => {
    const date = new Date(0).toUTCString();
    hub.intercept = once(refusal(503, undefined, { "Retry-After": date }));
    await fetching.start();
    expect(fetching.delays).toEqual([0]);
  });

  it("ends the start when the hub asks for more patience than that", async () => {
    hub.intercept = once(refusal(429, undefined, { "Retry-After": "3600" }));
    expect(await fetching.complaint()).toBe(`${REPOSITORY}: ${hub.endpoint} answered 429`);
  });

  it("ends the start when it does not pass", async () => {
    hub.intercept = () => refusal(503);
    expect(await fetching.complaint()).toBe(`${REPOSITORY}: ${hub.endpoint} answered 503`);
    expect(hub.requests).toHaveLength(6);
  });

  it("is a link to the other host that has expired: the hub gives a new one", async () => {
    fetching.onWeights(once(refusal(403)));
    await fetching.start();
    const links = hub.requests.filter(({ url }) => url.endsWith(`/${COMMIT}/${WEIGHTS}`));
    expect(links).toHaveLength(2);
  });
});

describe("a clear line", () => {
  it("for an id that is unknown", async () => {
    expect(await fetching.complaint({ repository: "models/typo" })).toBe(
      `models/typo: no such folder here, and no such model at ${hub.endpoint}`,
    );
  });

  it("for a revision that is unknown", async () => {
    expect(await fetching.complaint({ revision: "v9" })).toBe(
      `${REPOSITORY}: ${hub.endpoint} has no revision v9 of it`,
    );
  });

  it.each([
    [401, "RepoNotFound", {}, "or is not public: HF_TOKEN is not set"],
    [401, "", { token: TOKEN }, "or is not public: the access of HF_TOKEN does not reach it"],
    [403, "", { token: TOKEN }, "or is not public: the access of HF_TOKEN does not reach it"],
    [401, "GatedRepo", {}, "is gated: accept its terms at"],
    [403, "GatedRepo", { token: TOKEN }, "the access of HF_TOKEN does not reach it"],
  ])("for %d %s with %j", async (status, code, options, says) => {
    hub.intercept = ({ url }) => (url.includes("/resolve/") ? refusal(status, code) : undefined);
    const said = await fetching.complaint(options);
    expect(said).toContain(says);
    expect(said).not.toContain(TOKEN);
    expect(fetching.delays).toEqual([]);
  });

  it("for a network that is not there", async () => {
    const unreachable = { endpoint: "http://127.0.0.1:9", token: undefined };
    expect(await fetching.complaint({ hub: unreachable })).toMatch(
      /^test\/dense: cannot be fetched from http:\/\/127\.0\.0\.1:9: .+/,
    );
    expect(fetching.delays).toHaveLength(5);
  });

  it("for another architecture, before anything else is fetched", async () => {
    hub.files.set("config.json", Buffer.from('{"architectures":["LlamaForCausalLM"]}'));
    expect(await fetching.complaint()).toMatch(
      /^test\/dense: config\.json: .*got LlamaForCausalLM$/,
    );
    expect(hub.requests.filter(({ url }) => url.includes("/resolve/"))).toHaveLength(1);
  });

  it.each(["config.json", "tokenizer.json", "video_preprocessor_config.json", WEIGHTS])(
    "for a repository without %s, before any weights are fetched",
    async (name) => {
      hub.files.delete(name);
      expect(await fetching.complaint()).toBe(`${REPOSITORY}: ${name} is missing`);
      expect(hub.requests.filter(({ url }) => url.endsWith(WEIGHTS))).toEqual([]);
    },
  );

  it("for something that is no hub", async () => {
    hub.intercept = () => (response) => response.end("<html>Log in to the Wi-Fi");
    expect(await fetching.complaint()).toContain("does not answer as a Hugging Face hub: ");
  });

  it("for an answer without end", async () => {
    hub.intercept = () => (response) => response.write(Buffer.alloc(9 * 2 ** 20, " "));
    expect(await fetching.complaint()).toContain("an answer of more than 8388608 bytes");
  });

  it("for redirects without end", async () => {
    hub.intercept = ({ url }) => refusal(302, "", { Location: url });
    expect(await fetching.complaint()).toContain("more than 5 redirects");
  });
});

describe("wrong bytes", () => {
  it.each([WEIGHTS, "tokenizer_config.json"])("are told and deleted: %s", async (name) => {
    const wrong = rangeOf(Buffer.alloc(hub.fileOf(name).length, "x"));
    hub.intercept = (request) => (hub.isFor(name, request) ? wrong : undefined);
    expect(await fetching.complaint()).toMatch(
      new RegExp(`^${REPOSITORY}: ${name}: expected the checksum [0-9a-f]{40,64}, got`),
    );
    await expect(readFile(partOf(name))).rejects.toThrow("ENOENT");
    expect(await readdir(fetching.root)).not.toContain(FOLDER);

    hub.intercept = () => undefined;
    expect(await fetching.start()).toBe(join(fetching.root, FOLDER));
  });

  it("are more bytes than the file has", async () => {
    const { length } = hub.fileOf(WEIGHTS);
    fetching.onWeights(() => (response) => response.end(Buffer.alloc(length + 1)));
    expect(await fetching.complaint()).toContain(`${WEIGHTS}: more than its ${length} bytes came`);
  });

  it("do not survive in a part that is longer than the file", async () => {
    await fetching.complaint(space(0));
    await writeFile(partOf(WEIGHTS), Buffer.alloc(hub.fileOf(WEIGHTS).length + 1));
    const folder = await fetching.start();
    expect((await readFile(join(folder, WEIGHTS))).equals(hub.fileOf(WEIGHTS))).toBe(true);
  });
});

describe("a full disk", () => {
  it("is told before the weights are fetched", async () => {
    expect(await fetching.complaint(space(1_000_000))).toContain(
      "the disk is full: 1.6 MB are to come, 1.0 MB are free in",
    );
    expect(hub.requestsFor(WEIGHTS)).toEqual([]);
  });

  it.runIf(process.platform === "linux")("is told when it fills up meanwhile", async () => {
    await fetching.complaint(space(0));
    await symlink("/dev/full", partOf(WEIGHTS));
    expect(await fetching.complaint()).toContain("the disk is full: ENOSPC");
  });
});
