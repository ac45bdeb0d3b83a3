import type { LookupAddress } from "node:dns";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";

import { ApiError } from "@qwen3-vl/shared/errors";
import { FETCH_LIMITS } from "@qwen3-vl/shared/fetch-limits";
import type { FetchLimits } from "@qwen3-vl/shared/fetch-limits";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import type { Lookup } from "./resolve-public.ts";
import { CERTIFICATE, PRIVATE_KEY } from "./test-certificate.ts";
import { testFetcher } from "./test-fetcher.ts";
import { PICTURE, serveOrigin } from "./test-origin.ts";

const PUBLIC = { address: "93.184.216.34", family: 4 };
const LIMITS = { ...FETCH_LIMITS, headersMs: 300, stallMs: 300, totalMs: 2000 };

/** Listens on an address of this machine that no name leads to by itself. */
const HERE = { address: "127.0.0.2", family: 4 };
const origin = createServer(serveOrigin);
const tlsOrigin = createTlsServer({ cert: CERTIFICATE, key: PRIVATE_KEY }, serveOrigin);
const proxy = createServer();
/** Addresses that the proxy was asked to dial; it dials the TLS origin whatever they are. */
let tunnels: (string | undefined)[] = [];
/** Names that were resolved. */
let resolved: string[] = [];
beforeEach(() => {
  tunnels = [];
  resolved = [];
});

beforeAll(async () => {
  await Promise.all([listen(origin, HERE.address), listen(tlsOrigin), listen(proxy)]);
  proxy.on("connect", ({ url }, client: Socket) => {
    tunnels.push(url);
    const upstream = connect(portOf(tlsOrigin), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      client.pipe(upstream).pipe(client);
    });
    upstream.on("error", () => client.destroy());
    client.on("error", () => upstream.destroy());
  });
  setDefaultCACertificates([...getCACertificates("default"), CERTIFICATE]);
});
afterAll(() => {
  for (const server of [origin, tlsOrigin, proxy]) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(server: Server, address = "127.0.0.1"): Promise<void> {
  await new Promise<void>((resolve) => {
    server.listen(0, address, resolve);
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

interface FetchOptions {
  /** What the name server says, one answer after the other; the last one again and again. */
  answers?: readonly (readonly LookupAddress[])[];
  lookup?: Lookup;
  maxBytes?: number;
  limits?: Partial<FetchLimits>;
  egressProxy?: URL;
  allowHttpLoopback?: boolean;
}

const ADDRESS = /\d+\.\d+\.\d+\.\d+|passwd|::/;

/** The text, or how it was refused. */
async function outcomeOf(url: string, options: FetchOptions = {}): Promise<string> {
  const { answers = [[HERE]], maxBytes = 1000, limits = {} } = options;
  const fromAnswers: Lookup = (hostname) => {
    resolved.push(hostname);
    return Promise.resolve(answers[resolved.length - 1] ?? answers.at(-1) ?? []);
  };
  const fetcher = testFetcher({
    lookup: options.lookup ?? fromAnswers,
    limits: { ...LIMITS, ...limits },
    egressProxy: options.egressProxy,
    allowHttpLoopback: options.allowHttpLoopback ?? true,
  });
  const policy = { allowHttpLoopback: true, hosts: [] };
  const { signal } = new AbortController();
  try {
    return String(
      Buffer.from(await fetcher.fetch({ url, policy, maxBytes, accept: () => undefined, signal })),
    );
  } catch (error) {
    if (!(error instanceof ApiError)) {
      throw error;
    }
    return ADDRESS.test(error.message) ? "an address is told" : `${error.code}: ${error.message}`;
  }
}

const here = (path: string) => `http://localhost:${portOf(origin)}${path}`;
const throughProxy = (own: Omit<FetchOptions, "egressProxy"> = {}) => ({
  answers: [[PUBLIC]],
  ...own,
  egressProxy: new URL(`http://127.0.0.1:${portOf(proxy)}`),
});

describe("a name is resolved once, and what was checked is dialled", () => {
  it("directly: the address is the resolver's, not the system's", async () => {
    expect(await outcomeOf(here("/good"))).toBe(String(PICTURE));
    expect(resolved).toEqual(["localhost"]);
  });

  it("through an egress proxy, which is told the address and no name", async () => {
    expect(await outcomeOf("https://media.example/good", throughProxy())).toBe(String(PICTURE));
    expect(tunnels).toEqual([`${PUBLIC.address}:443`]);
    expect(resolved).toEqual(["media.example"]);
  });

  it("also where the name means another address a moment later (rebinding)", async () => {
    const answers = [[PUBLIC], [{ address: "169.254.169.254", family: 4 }]];
    const url = "https://media.example/good";
    expect(await outcomeOf(url, throughProxy({ answers }))).toBe(String(PICTURE));
    expect(tunnels).toEqual([`${PUBLIC.address}:443`]);
  });

  it("and again at each redirect, which may lead the same name elsewhere", async () => {
    const answers = [[PUBLIC], [{ address: "169.254.169.254", family: 4 }]];
    const url = "https://media.example/to/good";
    expect(await outcomeOf(url, throughProxy({ answers }))).toMatch(
      /^media_unreachable.*redirects to a URL that is refused: its host is not public/,
    );
    expect(tunnels).toEqual([`${PUBLIC.address}:443`]);
  });

  it("with the name in the certificate", async () => {
    expect(await outcomeOf("https://other.example/good", throughProxy())).toMatch(
      /^media_unreachable/,
    );
  });

  it("IPv6 too", async () => {
    const answers = [[{ address: "2606:4700::1111", family: 6 }]];
    const url = "https://media.example:8443/good";
    expect(await outcomeOf(url, throughProxy({ answers }))).toBe(String(PICTURE));
    expect(tunnels).toEqual(["[2606:4700::1111]:8443"]);
  });
});

const neverAnswers: Lookup = () => new Promise<never>(() => undefined);

describe("a name is refused before anything is dialled when it leads", () => {
  it.each([
    ["to this machine", [["127.0.0.1", 4]]],
    ["to a private network", [["10.1.2.3", 4]]],
    ["to the metadata of a cloud", [["169.254.169.254", 4]]],
    [
      "to a public and a private address",
      [
        [PUBLIC.address, 4],
        ["192.168.0.1", 4],
      ],
    ],
    ["to a private address in IPv6's spelling", [["::ffff:10.0.0.1", 6]]],
    [
      "to a public IPv4 and a private IPv6 address",
      [
        [PUBLIC.address, 4],
        ["fd00::1", 6],
      ],
    ],
    ["to a link-local address with its zone", [["fe80::1%eth0", 6]]],
  ] as const)("%s", async (_, pairs) => {
    const answers = [pairs.map(([address, family]) => ({ address, family }))];
    expect(await outcomeOf("https://media.example/good", throughProxy({ answers }))).toBe(
      "invalid_request: The URL is refused: its host is not public.",
    );
    expect(tunnels).toEqual([]);
  });

  it.each<[string, Lookup]>([
    ["nowhere (NXDOMAIN)", () => Promise.reject(new Error("ENOTFOUND"))],
    ["to no address", () => Promise.resolve([])],
  ])("%s", async (_, lookup) => {
    expect(await outcomeOf("https://media.example/good", throughProxy({ lookup }))).toBe(
      "media_unreachable: The URL cannot be fetched: its server could not be reached or broke off.",
    );
    expect(tunnels).toEqual([]);
  });

  it("to a name server that does not answer", async () => {
    const options = throughProxy({ lookup: neverAnswers });
    expect(await outcomeOf("https://media.example/good", options)).toMatch(
      /did not send the headers within 0.3 s/,
    );
  });
});

describe("this machine", () => {
  it("is fetched from only in development", async () => {
    const outcome = await outcomeOf(here("/good"), { allowHttpLoopback: false });
    expect(outcome).toMatch(/^invalid_request.*scheme/);
    expect(resolved).toEqual([]);
  });

  it("is not what a private address becomes in development", async () => {
    const answers = [[{ address: "10.0.0.1", family: 4 }]];
    expect(await outcomeOf(here("/good"), { answers })).toMatch(/^invalid_request.*not public/);
  });

  it("is not what a public name may lead to in development", async () => {
    const outcome = await outcomeOf(
      "https://media.example/good",
      throughProxy({ answers: [[HERE]] }),
    );
    expect(outcome).toMatch(/^invalid_request.*not public/);
  });
});

describe("a hostile server", () => {
  it.each([
    ["/unannounced", String(PICTURE)],
    ["/to/good", String(PICTURE)],
    ["/hops/5", String(PICTURE)],
    ["/hops/6", /^media_unreachable.*more than 5 times/],
    ["/to/itself", /^media_unreachable.*in a circle/],
    ["/to/private", /^media_unreachable.*refused: its host is not public/],
    ["/to/http", /^media_unreachable.*refused: the scheme is http:/],
    ["/to/file", /^media_unreachable.*refused: the scheme is file:/],
    ["/to/nowhere", /^media_unreachable.*no Location/],
    ["/partial", /^media_unreachable.*status 206/],
    ["/not-modified", /^media_unreachable.*status 304/],
    ["/missing", /^media_unreachable.*status 404/],
    ["/gzip", String(PICTURE)],
    ["/no-gzip", /^media_unreachable.*broke off/],
    ["/brotli", /^media_unreachable.*encoding/],
    ["/bomb", /^media_too_large/],
    ["/shorter-than-announced", /^media_unreachable.*broke off/],
    ["/long-headers", /^media_unreachable.*broke off/],
    ["/endless", /^media_too_large/],
    ["/announced-too-long", /^media_too_large/],
    ["/no-headers", /^media_unreachable.*the headers within 0.3 s/],
    ["/stalls", /^media_unreachable.*the next bytes within 0.3 s/],
  ])("%s", async (path, outcome) => {
    expect(await outcomeOf(here(path))).toMatch(outcome);
  });

  it("/drips", async () => {
    const outcome = await outcomeOf(here("/drips"), { limits: { totalMs: 500 } });
    expect(outcome).toMatch(/^media_unreachable.*everything within 0.5 s/);
  });
});

describe("an egress proxy", () => {
  it("that refuses makes the URL unreachable", async () => {
    const refusing = createServer();
    refusing.on("connect", (_, socket: Socket) => socket.end("HTTP/1.1 403 Forbidden\r\n\r\n"));
    await listen(refusing);
    const egressProxy = new URL(`http://127.0.0.1:${portOf(refusing)}`);
    const options = { answers: [[PUBLIC]], egressProxy };
    expect(await outcomeOf("https://media.example/good", options)).toMatch(/^media_unreachable/);
    refusing.close();
  });

  it("is told its user and password", async () => {
    const asking = createServer();
    const authorization = new Promise((resolve) => {
      asking.on("connect", ({ headers }, socket: Socket) => {
        resolve(headers["proxy-authorization"]);
        socket.destroy();
      });
    });
    await listen(asking);
    const egressProxy = new URL(`http://us%40er:pass@127.0.0.1:${portOf(asking)}`);
    await outcomeOf("https://media.example/good", { answers: [[PUBLIC]], egressProxy });
    expect(await authorization).toBe(`Basic ${Buffer.from("us@er:pass").toString("base64")}`);
    asking.close();
  });
});

it("a client that leaves ends the fetch", async () => {
  const client = new AbortController();
  const fetcher = testFetcher({ lookup: () => Promise.resolve([HERE]) });
  const fetched = fetcher.fetch({
    url: here("/no-headers"),
    policy: { allowHttpLoopback: true, hosts: [] },
    maxBytes: 1000,
    accept: () => undefined,
    signal: client.signal,
  });
  client.abort(new Error("left"));
  await expect(fetched).rejects.toThrow(/left|abort/i);
});
