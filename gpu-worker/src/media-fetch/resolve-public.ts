import type { LookupAddress } from "node:dns";
import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";

import { classifyIpAddress } from "@qwen3-vl/shared/ip-address";
import { UrlTransferError } from "@qwen3-vl/shared/url-transfer";

/** All addresses of a name; rejects where there is none. */
export type Lookup = (hostname: string) => Promise<readonly LookupAddress[]>;

export const lookUpInSystem: Lookup = (hostname) =>
  systemLookup(hostname, { all: true, order: "verbatim" });

/**
 * Resolves a URL's host, once: whoever dials takes one of these addresses and asks nobody again, or the
 * name might mean another machine by then.
 *
 * @throws UrlTransferError `refused` when any of its addresses is not public: one of several would be chance
 */
export async function resolvePublic(
  hostname: string,
  lookup: Lookup,
  allowLoopback: boolean,
): Promise<readonly LookupAddress[]> {
  const literal = hostname.replace(/^\[|\]$/g, "");
  const family = isIP(literal);
  const addresses = family === 0 ? await lookup(hostname) : [{ address: literal, family }];
  if (addresses.length === 0) {
    throw new Error("the name has no address");
  }
  const isPermitted = ({ address }: LookupAddress) => {
    const kind = classifyIpAddress(address);
    return kind === "public" || (allowLoopback && kind === "loopback");
  };
  if (!addresses.every(isPermitted)) {
    throw new UrlTransferError("refused", "its host is not public");
  }
  return addresses;
}
