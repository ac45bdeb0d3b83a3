import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { MODEL } from "../support/evaluation.ts";
import { startSystem } from "../support/running-system.ts";
import { sharedSystem } from "../support/shared-system.ts";
import type { SharedSystem } from "../support/shared-system.ts";

const MAIN = resolve(import.meta.dirname, "../../dev/src/keys/main.ts");

let system: SharedSystem;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "qwen3-vl-keys-"));
  system = await sharedSystem();
});
afterAll(() => rm(folder, { recursive: true }));

/** `npm run keys -- WORDS`, for the running system unless told otherwise. */
async function keys(words: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...words], {
    env: { ...process.env, API_URL: system.url, ADMIN_TOKEN: system.adminToken, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await exited;
  return { status: child.exitCode, output, errors };
}

const Told = z.object({
  id: z.string(),
  value: z.string(),
  scopes: z.unknown(),
  limits: z.unknown(),
});

const models = async (key: string) => {
  const response = await fetch(`${system.url}/v1/models`, {
    headers: { Authorization: `Bearer ${key}` },
  });
  const body: unknown = await response.json();
  return { status: response.status, body };
};

describe("npm run keys", () => {
  it("issues a key that works, changes, rotates and revokes it", async () => {
    const create = ["create", "--name", "web", "--model", MODEL, "--requests-per-minute", "100"];
    const made = await keys([...create, "--owner", "acme", "--json"]);
    expect(made).toMatchObject({ status: 0, errors: "" });
    const { id, value, ...settings } = Told.parse(JSON.parse(made.output));
    expect(settings).toEqual({
      scopes: { models: [MODEL] },
      limits: { requests_per_minute: 100 },
    });
    expect(await models(value)).toMatchObject({ status: 200, body: { data: [{ id: MODEL }] } });

    const changed = await keys(["change", id, "--route", "chat", "--requests-per-minute", "none"]);
    expect(changed.output).toMatch(/^Scope +routes chat$/m);
    expect(changed.output).not.toContain("requests_per_minute");

    const rotated = await keys(["rotate", id, "--overlap", "1h"]);
    expect(rotated.output).toMatch(/^Value +sk-\S{43} {2}\(shown only now\)$/m);
    expect(rotated.output).toMatch(/^Old value until +20\d\d-/m);

    expect((await keys(["revoke", id])).output).toMatch(/^Status +revoked$/m);
    const shown = await keys(["show", id]);
    expect(shown.output).not.toContain(value);
    const listed = await keys(["list", "--owner", "acme"]);
    expect(listed.output).toMatch(new RegExp(`^${id} +sk-\\S+…\\S+ +revoked .* acme +web$`, "m"));
  });

  it("lists no model that a key may not use", async () => {
    const made = await keys(["create", "--name", "other", "--model", "another", "--json"]);
    const { value } = Told.parse(JSON.parse(made.output));
    expect(await models(value)).toEqual({ status: 200, body: { object: "list", data: [] } });
  });

  it("finds the token that npm start has kept, on this machine", async () => {
    const kept = await startSystem({ env: { ADMIN_TOKEN: "" } });
    const env = { API_URL: `${kept.url}/v1`, ADMIN_TOKEN: "", STATE_DIR: kept.stateFolder };
    try {
      expect(await keys(["list"], env)).toMatchObject({ status: 0, errors: "" });
    } finally {
      await kept.stop();
    }
  });

  it.each([
    ["a wrong option", ["list", "--all"], {}, /--all/],
    ["a key that is not there", ["show", "key_none"], {}, /^There is no such key\.\n$/],
    ["a limit that is none", ["create", "--name", "a", "--tokens-per-minute", "0.5"], {}, /limits/],
    ["a wrong token", ["list"], { ADMIN_TOKEN: "x".repeat(32) }, /administrator's token/],
    ["a short token", ["list"], { ADMIN_TOKEN: "short" }, /^ADMIN_TOKEN=short: expected 32/],
    ["an address that is none", ["list"], { API_URL: "here" }, /^API_URL=here: expected/],
    [
      "a token for another machine, unencrypted",
      ["list"],
      { API_URL: "http://a.invalid" },
      /https:/,
    ],
    ["nobody there", ["list"], { API_URL: "http://127.0.0.1:1" }, /127\.0\.0\.1:1 does not answer/],
  ])("refuses %s with one line", async (_, words, env, line) => {
    const { status, output, errors } = await keys(words, env);
    expect({ status, output }).toEqual({ status: 1, output: "" });
    expect(errors).toMatch(line);
    expect(errors).toMatch(/^[^\n]+\n$/);
  });

  it("never sends the kept token to another machine", async () => {
    const env = { API_URL: "https://a.invalid", ADMIN_TOKEN: "", STATE_DIR: folder };
    const { errors } = await keys(["list"], env);
    expect(errors).toBe("ADMIN_TOKEN: expected the token of https://a.invalid\n");
  });
});
