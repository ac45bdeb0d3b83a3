import { parseArgs } from "node:util";

import { CommandError } from "./command-error.ts";
import { KEY_OPTIONS, readKeyOptions, secondsOf } from "./key-options.ts";
import type { KeyChanges, OptionValues } from "./key-options.ts";

/** What the operator asks for. */
export type Command =
  | { name: "help" }
  | { name: "create"; changes: KeyChanges }
  | { name: "list"; query: Record<string, string | string[]> }
  | { name: "show" | "revoke"; id: string }
  | { name: "change"; id: string; changes: KeyChanges }
  | { name: "rotate"; id: string; overlapSeconds: number };

/** A command, and whether its answer is printed as JSON. */
export interface CommandLine {
  command: Command;
  json: boolean;
}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>["options"]>;

const keyOptions: Options = Object.fromEntries(
  Object.entries(KEY_OPTIONS).map(([name, { multiple = false }]) => [
    name,
    { type: "string", multiple },
  ]),
);

const LIST_OPTIONS: Options = {
  owner: { type: "string" },
  label: { type: "string", multiple: true },
  limit: { type: "string" },
  after: { type: "string" },
};

/** Each command's own options, and whether it is about one key. */
const COMMANDS: Readonly<Record<string, { takesId: boolean; options: Options }>> = {
  create: { takesId: false, options: keyOptions },
  list: { takesId: false, options: LIST_OPTIONS },
  show: { takesId: true, options: {} },
  change: { takesId: true, options: keyOptions },
  rotate: { takesId: true, options: { overlap: { type: "string" } } },
  revoke: { takesId: true, options: {} },
};

/** @throws CommandError that says what is wrong with the words */
export function readCommandLine(words: readonly string[], now: number): CommandLine {
  const [name = "help", ...rest] = words;
  if (words.includes("--help") || words.includes("-h") || name === "help") {
    return { command: { name: "help" }, json: false };
  }
  const known = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (known === undefined) {
    throw new CommandError(`expected ${Object.keys(COMMANDS).join(", ")} or --help, got ${name}`);
  }
  const { values, positionals } = parse(rest, known.options);
  const [id = "", ...tooMany] = positionals;
  if (known.takesId ? id === "" || tooMany.length > 0 : id !== "") {
    throw new CommandError(
      `${name}: expected ${known.takesId ? "the id of one key" : "options only"}, got ${positionals.join(" ") || "nothing"}`,
    );
  }
  return { command: toCommand(name, id, values, now), json: values["json"] === true };
}

function parse(words: readonly string[], options: Options) {
  try {
    return parseArgs({
      args: [...words],
      options: { ...options, json: { type: "boolean" } },
      allowPositionals: true,
    });
  } catch (cause) {
    throw new CommandError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function toCommand(name: string, id: string, values: OptionValues, now: number): Command {
  switch (name) {
    case "create": {
      const changes = readKeyOptions(values, now);
      if (changes.name === undefined) {
        throw new CommandError("create: expected --name NAME");
      }
      return { name, changes };
    }
    case "list":
      return { name, query: queryOf(values) };
    case "change":
      return { name, id, changes: readKeyOptions(values, now) };
    case "rotate":
      return { name, id, overlapSeconds: overlapOf(values) };
    case "revoke":
      return { name, id };
    default:
      return { name: "show", id };
  }
}

function queryOf({ json: _json, ...values }: OptionValues): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(String) : String(value),
    ]),
  );
}

function overlapOf({ overlap = "0s" }: OptionValues): number {
  const seconds = typeof overlap === "string" ? secondsOf(overlap) : undefined;
  if (seconds === undefined) {
    throw new CommandError(`--overlap ${String(overlap)}: expected a duration such as 24h`);
  }
  return seconds;
}
