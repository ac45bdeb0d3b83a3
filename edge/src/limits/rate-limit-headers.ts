import type { Standing } from "./decide.ts";

/** The headers below, and what each tells. */
export const RATE_LIMIT_HEADERS: Readonly<Record<string, string>> = {
  RateLimit:
    "What the key has left of each of its limits (`r`), and the seconds until it is whole.",
  "RateLimit-Policy":
    "The key's limits: how much (`q`), of what (`qu`), in how many seconds (`w`).",
  "x-ratelimit-limit-requests": "Requests that the key may send a minute.",
  "x-ratelimit-limit-tokens": "Tokens that the key may use a minute.",
  "x-ratelimit-remaining-requests": "Requests that are left.",
  "x-ratelimit-remaining-tokens": "Tokens that are left.",
  "x-ratelimit-reset-requests": "Until all requests are there again, like `6m0s`.",
  "x-ratelimit-reset-tokens": "Until all tokens are there again, like `6m0s`.",
};

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
