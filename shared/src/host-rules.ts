import * as z from "zod";

/** `example.com`, or `*.example.com` for what is below it. */
const HostPattern = z.string().min(1).max(255);
const MAX_PATTERNS = 1000;

/** Which hosts somebody lets URLs name: those of `allow`, where there is one, but none of `deny`. */
export const HostRules = z.strictObject({
  allow: z.array(HostPattern).max(MAX_PATTERNS).optional(),
  deny: z.array(HostPattern).max(MAX_PATTERNS).optional(),
});
export type HostRules = z.infer<typeof HostRules>;

/** @param hostname of a WHATWG URL, so in lower case and without international letters */
export function permitsHost({ allow, deny }: HostRules, hostname: string): boolean {
  const isNamedBy = (patterns: readonly string[]) =>
    patterns.some((pattern) => matchesHost(pattern, hostname));
  return (allow === undefined || isNamedBy(allow)) && !isNamedBy(deny ?? []);
}

function matchesHost(pattern: string, hostname: string): boolean {
  return pattern.startsWith("*.") ? hostname.endsWith(pattern.slice(1)) : hostname === pattern;
}

/**
 * Patterns as an operator writes them in one variable, with white space or commas between them; undefined
 * for none. International letters become what stands in URLs.
 *
 * @throws Error that shows the pattern which is none
 */
export function parseHostPatterns(text: string | undefined): string[] | undefined {
  const patterns = (text ?? "").split(/[\s,]+/).filter((pattern) => pattern !== "");
  return patterns.length === 0 ? undefined : patterns.map(canonicalPattern);
}

function canonicalPattern(pattern: string): string {
  const [, wildcard = "", host = ""] = /^(\*\.)?([^*]*)$/.exec(pattern) ?? [];
  const url = /[/:?#@\\]/.test(host) ? null : URL.parse(`https://${host}/`);
  if (url === null || url.hostname === "") {
    throw new Error(`${pattern} is not a host, or *. and a host`);
  }
  return wildcard + url.hostname;
}
