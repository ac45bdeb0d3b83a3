import { KeyLimits, SCOPE_ROUTES } from "../../../edge/src/keys/key-settings.ts";
import { CommandError } from "./command-error.ts";

/** Takes a setting away where a value is expected. */
const NONE = "none";

/** What an option changes of a key; null takes it away. */
export interface KeyChanges {
  name?: string;
  owner?: string | null;
  expires_at?: number | null;
  labels?: Record<string, string | null>;
  scopes?: Record<string, string[] | null>;
  limits?: Record<string, number | null>;
  media_hosts?: Record<string, string[] | null>;
}

interface KeyOption {
  value: string;
  about: string;
  /** May be given more than once. */
  multiple?: boolean;
}

const dashed = (name: string) => name.replaceAll("_", "-");

/** `--requests-per-minute` and the others, by the limit's name. */
const LIMIT_OPTIONS: ReadonlyMap<string, string> = new Map(
  Object.keys(KeyLimits.shape).map((name) => [dashed(name), name]),
);

const limitOptions = Object.entries(KeyLimits.shape).map(([name, { description = "" }]) => [
  dashed(name),
  { value: "N", about: description },
]);

/** Options that say what a key is and may do. */
export const KEY_OPTIONS: Readonly<Record<string, KeyOption>> = {
  name: { value: "NAME", about: "what people call it" },
  owner: { value: "OWNER", about: "whose it is; keys of one owner share files, caches and usage" },
  label: { value: "NAME=VALUE", about: "a note; an empty value takes it away", multiple: true },
  expires: { value: "WHEN", about: "2027-01-31, 2027-01-31T12:00:00Z, or 12h, 30d from now" },
  route: {
    value: "ROUTES",
    about: `only these: ${SCOPE_ROUTES.join(", ")}`,
    multiple: true,
  },
  model: { value: "MODEL", about: "only these models", multiple: true },
  "allow-host": {
    value: "HOST",
    about: "media from these hosts only: a.org, *.a.org",
    multiple: true,
  },
  "deny-host": { value: "HOST", about: "no media from these hosts", multiple: true },
  ...Object.fromEntries(limitOptions),
};

/** Values of options as `parseArgs` reads them. */
export type OptionValues = Readonly<
  Record<string, string | boolean | (string | boolean)[] | undefined>
>;

/**
 * What the options ask for.
 *
 * @param now milliseconds since 1970, from which durations count
 * @throws CommandError that names the option
 */
export function readKeyOptions(values: OptionValues, now: number): KeyChanges {
  const text = (name: string) => (typeof values[name] === "string" ? values[name] : undefined);
  const list = (name: string) =>
    Array.isArray(values[name]) ? values[name].map(String) : undefined;
  const name = text("name");
  const owner = text("owner");
  const expires = text("expires");
  return {
    ...(name === undefined ? {} : { name }),
    ...(owner === undefined ? {} : { owner: owner === NONE ? null : owner }),
    ...(expires === undefined ? {} : { expires_at: readTime(expires, now) }),
    ...given("labels", labelsOf(list("label") ?? [])),
    ...given("scopes", listsOf({ routes: list("route"), models: list("model") })),
    ...given("media_hosts", listsOf({ allow: list("allow-host"), deny: list("deny-host") })),
    ...given("limits", limitsOf(text)),
  };
}

function given(name: keyof KeyChanges, entries: [string, unknown][]): KeyChanges {
  return entries.length === 0 ? {} : { [name]: Object.fromEntries(entries) };
}

function labelsOf(labels: readonly string[]): [string, string | null][] {
  return labels.map((label) => {
    const end = label.indexOf("=");
    if (end < 1) {
      throw new CommandError(`--label ${label}: expected NAME=VALUE`);
    }
    return [label.slice(0, end), label.slice(end + 1) || null];
  });
}

function listsOf(lists: Readonly<Record<string, string[] | undefined>>) {
  return Object.entries(lists).flatMap(([name, list]): [string, string[] | null][] =>
    list === undefined ? [] : [[name, list.length === 1 && list[0] === NONE ? null : list]],
  );
}

function limitsOf(text: (name: string) => string | undefined): [string, number | null][] {
  return [...LIMIT_OPTIONS].flatMap(([option, limit]): [string, number | null][] => {
    const value = text(option);
    if (value === undefined) {
      return [];
    }
    if (value !== NONE && !/^\d+(\.\d+)?$/.test(value)) {
      throw new CommandError(`--${option} ${value}: expected a number, or ${NONE}`);
    }
    return [[limit, value === NONE ? null : Number(value)]];
  });
}

/** Seconds since 1970. */
function readTime(value: string, now: number): number | null {
  if (value === NONE) {
    return null;
  }
  const fromNow = secondsOf(value);
  if (fromNow !== undefined) {
    return Math.floor(now / 1000) + fromNow;
  }
  const time = /^\d{4}-\d\d-\d\d(T.*)?$/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new CommandError(
      `--expires ${value}: expected a date, a duration such as 30d, or ${NONE}`,
    );
  }
  return Math.floor(time / 1000);
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of `90s`, `15m`, `12h` or `30d`, or undefined for anything else. */
export function secondsOf(duration: string): number | undefined {
  const [, count, unit = ""] = /^(\d{1,9})([smhd])$/.exec(duration) ?? [];
  return count === undefined ? undefined : Number(count) * (SECONDS[unit] ?? 1);
}

/** Tables of a key as they are after a change: what is null goes, what is not named stays. */
export function changedTables(
  current: Readonly<Record<string, unknown>>,
  changes: KeyChanges,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(changes).map(([field, change]) => [
      field,
      typeof change === "object" && change !== null
        ? withoutNulls({ ...Object(current[field]), ...change })
        : change,
    ]),
  );
}

function withoutNulls(table: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(table).filter(([, value]) => value !== null));
}
