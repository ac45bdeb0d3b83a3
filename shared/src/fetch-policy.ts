/**
 * Which URLs of clients may be fetched, decided before any byte is sent, for the first URL and for
 * each redirect.
 *
 * A host name is judged by its spelling here. A Worker can do no more: it can neither resolve it nor
 * choose the address that `fetch` dials. In production that is Cloudflare's network, which has no route
 * to private addresses; whoever runs the edge elsewhere has the GPU worker fetch (`FETCH_IN=worker`),
 * which dials the address that it has checked.
 */
import * as z from "zod";

import { HostRules, permitsHost } from "./host-rules.ts";
import { classifyIpLiteral } from "./ip-address.ts";
import { MAX_URL_LENGTH } from "./limits.ts";
import { OwnBucket, isOwnBucket } from "./own-bucket.ts";

export const FetchPolicy = z.strictObject({
  /** Development: `http:` URLs whose host is this machine may be fetched, on any port. */
  allowHttpLoopback: z.boolean(),
  /** A host must be permitted by each: those of the deployment, and those of the key, which so can only narrow them. */
  hosts: z.array(HostRules).max(8),
  ownBucket: OwnBucket.optional(),
});
export type FetchPolicy = z.infer<typeof FetchPolicy>;

/** The URL as it was judged – the very object to fetch, never the text – or why it is refused. */
export type Verdict = { url: URL } | { refusal: string };

/** Ports on which the web is served with TLS; others reach services that only look like it. */
const ALLOWED_PORTS: ReadonlySet<string> = new Set(["", "443", "8443"]);

/** Names that never mean a public host. */
const INTERNAL_SUFFIXES = [
  "localhost",
  "local",
  "localdomain",
  "internal",
  "intranet",
  "private",
  "corp",
  "home",
  "lan",
  "home.arpa",
];

/**
 * Judges a URL that a client wrote.
 *
 * @param expected schemes that a refusal names: `data:` is not judged here
 */
export function judgeUrl(text: string, policy: FetchPolicy, expected = "https: or data:"): Verdict {
  if (text.length > MAX_URL_LENGTH) {
    return { refusal: `a URL has at most ${MAX_URL_LENGTH} characters, this one ${text.length}` };
  }
  const misspelling = misspellingOf(text, expected);
  if (misspelling !== undefined) {
    return { refusal: misspelling };
  }
  const url = URL.parse(text);
  return url === null ? { refusal: "it is not a valid URL" } : judge(url, { ...policy, expected });
}

/** Judges where a redirect leads; a public host must not lead to this machine. */
export function judgeRedirect(from: URL, location: string | null, policy: FetchPolicy): Verdict {
  if (location === null) {
    return { refusal: "the redirect has no Location" };
  }
  if (location.length > MAX_URL_LENGTH || UNSAFE_CHARACTERS.test(location)) {
    return { refusal: "the redirect's Location is malformed" };
  }
  const url = URL.parse(location, from.href);
  if (url === null) {
    return { refusal: "the redirect's Location is not a valid URL" };
  }
  return judge(url, {
    ...policy,
    expected: "https:",
    allowHttpLoopback: policy.allowHttpLoopback && isLoopback(from.hostname),
  });
}

/** Space, controls and backslash, which parsers drop or read as something else. */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const UNSAFE_CHARACTERS = /[\s\u0000-\u0020\u007f\\]/;

/** What the URL parser would silently repair: there, two parsers may disagree about the host. */
function misspellingOf(text: string, expected: string): string | undefined {
  if (UNSAFE_CHARACTERS.test(text)) {
    return "it contains white space, a control character or a backslash";
  }
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(text)?.[1];
  if (scheme === undefined) {
    return `it has no scheme; expected ${expected}`;
  }
  if (/^https?$/i.test(scheme) && !/^https?:\/\/[^/]/i.test(text)) {
    return "expected two slashes and a host after the scheme";
  }
  return undefined;
}

interface Judging extends FetchPolicy {
  expected: string;
}

function judge(url: URL, policy: Judging): Verdict {
  const refusal = refusalOf(url, policy);
  return refusal === undefined ? { url } : { refusal };
}

function refusalOf(url: URL, policy: Judging): string | undefined {
  if (url.username !== "" || url.password !== "") {
    return "it contains a user name or password";
  }
  if (policy.ownBucket !== undefined && isOwnBucket(url, policy.ownBucket)) {
    return "it leads to this service's own storage; name a file by its id";
  }
  return refusalOfPlace(url, policy) ?? refusalOfHost(url, policy);
}

function refusalOfHost({ hostname }: URL, { hosts }: FetchPolicy): string | undefined {
  return hosts.every((rules) => permitsHost(rules, hostname))
    ? undefined
    : "its host is not among those that are permitted";
}

function refusalOfPlace(url: URL, { allowHttpLoopback, expected }: Judging): string | undefined {
  if (allowHttpLoopback && url.protocol === "http:" && isLoopback(url.hostname)) {
    return undefined;
  }
  if (url.protocol !== "https:") {
    return `the scheme is ${url.protocol.slice(0, 20)}; expected ${expected}`;
  }
  if (!ALLOWED_PORTS.has(url.port)) {
    return `the port is ${url.port}; expected 443 or 8443`;
  }
  return isPublicHost(url.hostname) ? undefined : "its host is not public";
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || classifyIpLiteral(hostname) === "loopback";
}

function isPublicHost(hostname: string): boolean {
  const literal = classifyIpLiteral(hostname);
  if (literal !== undefined) {
    return literal === "public";
  }
  // A single label or a dot at the end would be completed or resolved by the local resolver's rules.
  const isQualified = hostname.includes(".") && !hostname.endsWith(".");
  return isQualified && !INTERNAL_SUFFIXES.some((suffix) => hostname.endsWith(`.${suffix}`));
}
