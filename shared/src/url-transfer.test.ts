import { expect, it } from "vitest";

import { ApiError } from "./errors.ts";
import { UrlTransferError, transferUrl } from "./url-transfer.ts";
import type { Transport } from "./url-transfer.ts";

const LIMITS = { maxRedirects: 2, headersMs: 10_000, totalMs: 10_000 };

/** Path of a URL to where it redirects; others answer with status 200. */
type Redirects = Readonly<Record<string, string | null>>;

interface Answer {
  path: string;
  location: string | null | undefined;
}

interface Asking {
  redirects?: Redirects;
  ask?: Transport<Answer>["ask"];
  limits?: Partial<typeof LIMITS>;
  read?: (answer: Answer) => Promise<string>;
  signal?: AbortSignal;
}

const usualRead = ({ path }: Answer) => Promise.resolve(`read ${path}`);

/** What was read, or how it came to nothing; and the paths that were asked and dropped. */
async function outcomeOf(url: string, asking: Asking = {}) {
  const { redirects = {}, limits = {}, read = usualRead } = asking;
  const asked: string[] = [];
  const dropped: string[] = [];
  const transport: Transport<Answer> = {
    ask: async (target, signal) => {
      asked.push(target.pathname);
      await asking.ask?.(target, signal);
      return { path: target.pathname, location: redirects[target.pathname] };
    },
    headOf: ({ location }) => ({
      status: location === undefined ? 200 : 302,
      location: location ?? null,
    }),
    drop: ({ path }) => void dropped.push(path),
  };
  const { signal = new AbortController().signal } = asking;
  const policy = { allowHttpLoopback: false, hosts: [] };
  const options = { policy, limits: { ...LIMITS, ...limits }, transport, signal };
  const outcome = await transferUrl(url, options, read).catch((error: unknown) =>
    error instanceof UrlTransferError ? `${error.kind}: ${error.message}` : error,
  );
  return { outcome, asked, dropped };
}

it("redirects are followed, and their bodies dropped", async () => {
  const redirects = { "/a": "/b", "/b": "https://other.example/c" };
  expect(await outcomeOf("https://media.example/a", { redirects })).toEqual({
    outcome: "read /c",
    asked: ["/a", "/b", "/c"],
    dropped: ["/a", "/b"],
  });
});

it.each<[string, Redirects, string]>([
  ["in a circle", { "/a": "/b", "/b": "/a" }, "unreachable: its redirects go in a circle"],
  ["too often", { "/a": "/b", "/b": "/c", "/c": "/d" }, "it redirects more than 2 times"],
  ["to nowhere", { "/a": null }, "refused: the redirect has no Location"],
  ["to a private address", { "/a": "https://10.0.0.1/" }, "refused: its host is not public"],
])("who redirects %s is unreachable", async (_, redirects, reason) => {
  const { outcome } = await outcomeOf("https://media.example/a", { redirects });
  expect(outcome).toContain(reason);
  expect(outcome).toMatch(/^unreachable/);
});

it("without redirects the first one ends it, so that a POST is sent once", async () => {
  const limits = { maxRedirects: 0 };
  const transfer = await outcomeOf("https://media.example/a", {
    redirects: { "/a": "/b" },
    limits,
  });
  expect(transfer.asked).toEqual(["/a"]);
  expect(transfer.outcome).toBe("unreachable: it redirects more than 0 times");
});

it("a URL that is refused is never asked", async () => {
  expect(await outcomeOf("https://localhost/a")).toEqual({
    outcome: "refused: its host is not public",
    asked: [],
    dropped: [],
  });
});

function askPublic({ pathname }: URL): Promise<Answer> {
  return pathname === "/private"
    ? Promise.reject(new UrlTransferError("refused", "its host is not public"))
    : Promise.resolve({ path: pathname, location: undefined });
}

it("what the transport refuses counts as the client's at the first URL, as the server's behind a redirect", async () => {
  const first = await outcomeOf("https://media.example/private", { ask: askPublic });
  expect(first.outcome).toBe("refused: its host is not public");
  const later = await outcomeOf("https://media.example/a", {
    ask: askPublic,
    redirects: { "/a": "/private" },
  });
  expect(later.outcome).toBe(
    "unreachable: it redirects to a URL that is refused: its host is not public",
  );
});

it("a connection that fails is told without what the system said of it", async () => {
  const { outcome } = await outcomeOf("https://media.example/a", {
    ask: () => Promise.reject(new Error("ECONNREFUSED 10.1.2.3")),
  });
  expect(outcome).toBe("unreachable: its server could not be reached or broke off");
});

it("a deadline that is missed is told by name", async () => {
  const { outcome } = await outcomeOf("https://media.example/a", {
    limits: { headersMs: 5 },
    ask: (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  });
  expect(outcome).toBe("unreachable: its server did not send the headers within 0.005 s");
});

it("what the reader refuses is told as it says", async () => {
  const refusal = new ApiError("media_too_large", "too large");
  const { outcome } = await outcomeOf("https://media.example/a", {
    read: () => Promise.reject(refusal),
  });
  expect(outcome).toBe(refusal);
});

it("who leaves hears their own reason", async () => {
  const left = new Error("left");
  const ask = () => Promise.reject(left);
  const signal = AbortSignal.abort(left);
  expect((await outcomeOf("https://media.example/a", { ask, signal })).outcome).toBe(left);
});
