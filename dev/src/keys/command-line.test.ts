import { describe, expect, it } from "vitest";

import { CommandError } from "./command-error.ts";
import { readCommandLine } from "./command-line.ts";
import { KEYS_HELP } from "./help.ts";
import { changedTables } from "./key-options.ts";

/** 2027-01-01. */
const NOW = Date.UTC(2027, 0, 1);
const commandOf = (line: string) => readCommandLine(line.split(" "), NOW).command;

describe("npm run keys", () => {
  it("reads what a new key shall be", () => {
    const line =
      "create --name web --owner acme --label team=a=b --route chat --route models --model m --allow-host *.a.org --requests-per-minute 60 --cost-per-month 9.5 --expires 30d";
    expect(commandOf(line)).toEqual({
      name: "create",
      changes: {
        name: "web",
        owner: "acme",
        expires_at: NOW / 1000 + 30 * 86_400,
        labels: { team: "a=b" },
        scopes: { routes: ["chat", "models"], models: ["m"] },
        media_hosts: { allow: ["*.a.org"] },
        limits: { requests_per_minute: 60, cost_per_month: 9.5 },
      },
    });
  });

  it("reads the other commands", () => {
    expect(commandOf("list --owner acme --label a=b --label c=d --limit 5")).toEqual({
      name: "list",
      query: { owner: "acme", label: ["a=b", "c=d"], limit: "5" },
    });
    expect(commandOf("rotate key_1 --overlap 24h")).toEqual({
      name: "rotate",
      id: "key_1",
      overlapSeconds: 86_400,
    });
    expect(readCommandLine(["revoke", "key_1", "--json"], NOW)).toEqual({
      command: { name: "revoke", id: "key_1" },
      json: true,
    });
    expect(commandOf("create --help")).toEqual({ name: "help" });
    expect(readCommandLine([], NOW).command).toEqual({ name: "help" });
  });

  it.each([
    ["delete key_1", /expected create, list.* got delete/],
    ["create", /--name NAME/],
    ["create --name a --rpm 5", /--rpm/],
    ["create --name a extra", /options only, got extra/],
    ["show", /the id of one key, got nothing/],
    ["show key_1 key_2", /got key_1 key_2/],
    ["create --name a --label team", /--label team: expected NAME=VALUE/],
    ["create --name a --tokens-per-minute many", /--tokens-per-minute many: expected a number/],
    ["create --name a --expires tomorrow", /--expires tomorrow: expected a date/],
    ["rotate key_1 --overlap 24", /--overlap 24: expected a duration/],
  ])("refuses %s with a line that says why", (line, message) => {
    expect(() => commandOf(line)).toThrow(CommandError);
    expect(() => commandOf(line)).toThrow(message);
  });

  it("names every option in its help", () => {
    expect(KEYS_HELP).toContain("--requests-per-minute N");
    expect(KEYS_HELP).toContain("--deny-host HOST");
  });
});

describe("a change of a key", () => {
  it("leaves what it does not name, and takes away what is none", () => {
    const current = {
      labels: { team: "a", stage: "live" },
      limits: { requests_per_minute: 60, tokens_per_minute: 5 },
      scopes: { routes: ["chat"] },
    };
    const line =
      "change key_1 --owner none --label team= --requests-per-minute none --stored-bytes 7 --route none --model m";
    const command = commandOf(line);
    expect(changedTables(current, "changes" in command ? command.changes : {})).toEqual({
      owner: null,
      labels: { stage: "live" },
      limits: { tokens_per_minute: 5, stored_bytes: 7 },
      scopes: { models: ["m"] },
    });
  });
});
