import type { Standing } from "./decide.ts";

/** Names of the headers below, for browsers to be let read. */
export const RATE_LIMIT_HEADERS: readonly string[] = [
  "RateLimit",
  "RateLimit-Policy",
  ...["limit", "remaining", "reset"].flatMap((what) =>
    ["requests", "tokens"].map((of) => `x-ratelimit-${what}-${of}`),
  ),
];

/** Integers of structured fields have 15 digits. */
const MAX_INTEGER = 1e15 - 1;

/**
 * How a key stands, in two forms: `RateLimit` and `RateLimit-Policy` of the IETF's draft
 * (draft-ietf-httpapi-ratelimit-headers, since its version 8) for every limit, and OpenAI's own for
 * requests and tokens of a minute. Money is told in millionths.
 */
export function rateLimitHeaders(standings: readonly Standing[], now: number): [string, string][] {
  if (standings.length === 0) {
    return [];
  }
  return [
    ["RateLimit-Policy", standings.map((each) => policyOf(each, now)).join(", ")],
    ["RateLimit", standings.map(itemOf).join(", ")],
    ...standings.flatMap(openAiHeaders),
  ];
}

function policyOf({ name, window, quota }: Standing, now: number): string {
  const unit = name === "requests" ? "" : `;qu="${UNITS[name] ?? name}"`;
  const seconds = window === "minute" ? 60 : secondsOfMonth(now);
  return `"${name}";q=${whole(name, quota)}${unit}${window === "running" ? "" : `;w=${seconds}`}`;
}

const UNITS: Readonly<Record<string, string>> = {
  "monthly-tokens": "tokens",
  "monthly-cost": "micro-units",
};

function itemOf({ name, window, remaining, resetMs }: Standing): string {
  const reset = window === "running" ? "" : `;t=${Math.ceil(resetMs / 1000)}`;
  return `"${name}";r=${whole(name, remaining)}${reset}`;
}

function whole(name: string, amount: number): number {
  return Math.min(Math.floor(name === "monthly-cost" ? amount * 1e6 : amount), MAX_INTEGER);
}

function openAiHeaders({ name, quota, remaining, resetMs }: Standing): [string, string][] {
  return name === "requests" || name === "tokens"
    ? [
        [`x-ratelimit-limit-${name}`, String(quota)],
        [`x-ratelimit-remaining-${name}`, String(remaining)],
        [`x-ratelimit-reset-${name}`, goDuration(resetMs)],
      ]
    : [];
}

/** `0s`, `17ms`, `1.2s`, `6m0s`: durations as OpenAI's headers have them. */
function goDuration(ms: number): string {
  const rounded = Math.ceil(ms);
  if (rounded < 1000) {
    return rounded === 0 ? "0s" : `${rounded}ms`;
  }
  const minutes = Math.floor(rounded / 60_000);
  const seconds = (rounded % 60_000) / 1000;
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
}

function secondsOfMonth(now: number): number {
  const date = new Date(now);
  const days = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  return days * 86_400;
}
