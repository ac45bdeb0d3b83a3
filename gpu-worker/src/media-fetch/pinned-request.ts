import type { LookupAddress } from "node:dns";
import { request as httpRequest } from "node:http";
import type { IncomingMessage, RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { connect as tlsConnect } from "node:tls";

import { openTunnel } from "./egress-proxy.ts";

export interface PinnedRequest {
  url: URL;
  /** Of the URL's host, all of them checked; no other is dialled. */
  addresses: readonly LookupAddress[];
  /** Through which everything goes that is not this machine. */
  egressProxy: URL | undefined;
  headers: Readonly<Record<string, string>>;
  /** Sent by POST; without one, it is a GET. */
  body?: string;
  signal: AbortSignal;
}

/** Headers of answers are short; the rest is an attempt on our memory. */
const MAX_HEADER_BYTES = 16_384;

/** A request over a connection of its own; resolves when the headers are there, and follows no redirect. */
export async function requestPinned(pinned: PinnedRequest): Promise<IncomingMessage> {
  const { url, addresses, headers, body, signal } = pinned;
  const bytes = body === undefined ? undefined : Buffer.from(body);
  const options: RequestOptions = {
    method: bytes === undefined ? "GET" : "POST",
    headers: bytes === undefined ? headers : { ...headers, "Content-Length": bytes.length },
    maxHeaderSize: MAX_HEADER_BYTES,
    lookup: lookupOf(addresses),
    signal,
    ...(await connectionOptions(pinned)),
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request =
    url.protocol === "https:" ? httpsRequest(url, options) : httpRequest(url, options);
  request.on("response", resolve).on("error", reject).end(bytes);
  return promise;
}

/** What the socket asks instead of the system's resolver. */
function lookupOf(addresses: readonly LookupAddress[]): LookupFunction {
  return (_hostname, { all }, callback) => {
    const [first] = addresses;
    if (all === true) {
      callback(null, [...addresses]);
    } else {
      callback(null, first?.address ?? "", first?.family);
    }
  };
}

/** A connection is for one request; with an agent, `createConnection` would be ignored. */
async function connectionOptions(pinned: PinnedRequest): Promise<RequestOptions> {
  const { url, addresses, egressProxy, signal } = pinned;
  const [address] = addresses;
  if (egressProxy === undefined || url.protocol !== "https:" || address === undefined) {
    return { agent: false };
  }
  const port = url.port === "" ? 443 : Number(url.port);
  const socket = await openTunnel(egressProxy, { address, port }, signal);
  const isName = !/^(?:\[|[\d.]+$)/.test(url.hostname);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const tls = tlsConnect({ socket, host, ...(isName ? { servername: host } : {}) });
  tls.on("error", () => undefined); // the request hears it too; alone, it would end the process
  return { createConnection: () => tls };
}
