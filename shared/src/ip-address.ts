/**
 * Which IP literals are public. Input is the host of a WHATWG URL, so it is already canonical:
 * `0x7f.1`, `2130706433` and full-width digits have become `127.0.0.1`, IPv6 is compressed and in
 * brackets, and zone ids have been refused.
 */

/** IANA's special-purpose registry, plus what clouds use inside. First address and prefix length. */
const SPECIAL_IPV4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8], // this network
  ["10.0.0.0", 8], // private
  ["100.64.0.0", 10], // carrier-grade NAT; Alibaba's metadata
  ["127.0.0.0", 8], // loopback
  ["168.63.129.16", 32], // Azure's host
  ["169.254.0.0", 16], // link-local; metadata of most clouds
  ["172.16.0.0", 12], // private
  ["192.0.0.0", 24], // protocol assignments; Oracle's metadata
  ["192.0.2.0", 24], // documentation
  ["192.88.99.0", 24], // 6to4 relays
  ["192.168.0.0", 16], // private
  ["198.18.0.0", 15], // benchmarking
  ["198.51.100.0", 24], // documentation
  ["203.0.113.0", 24], // documentation
  ["224.0.0.0", 4], // multicast
  ["240.0.0.0", 4], // reserved; broadcast
];

/**
 * Only 2000::/3 is global unicast; that leaves out loopback, mapped and compatible IPv4 (`::/96`,
 * `::ffff:0:0/96`), NAT64 (`64:ff9b::`), unique local, link-local, site-local and multicast.
 * Within it, these are special. First 32 bits and prefix length.
 */
const SPECIAL_IPV6: readonly (readonly [number, number])[] = [
  [0x2001_0000, 23], // protocol assignments; Teredo carries IPv4
  [0x2001_0db8, 32], // documentation
  [0x2002_0000, 16], // 6to4 carries IPv4
  [0x3fff_0000, 20], // documentation
];

/** Whether a URL's host is an IP literal, and which kind. */
export type IpLiteral = "loopback" | "special" | "public";

/** What a resolver answered; anything that is not plainly an address counts as special. */
export function classifyIpAddress(address: string): IpLiteral {
  const host = address.includes(":") ? URL.parse(`http://[${address}]/`)?.hostname : address;
  return classifyIpLiteral(host ?? "") ?? "special";
}

/** Undefined for a name. */
export function classifyIpLiteral(hostname: string): IpLiteral | undefined {
  if (hostname.startsWith("[")) {
    return classifyIpv6(hostname.slice(1, -1));
  }
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? classifyIpv4(hostname) : undefined;
}

function classifyIpv4(hostname: string): IpLiteral {
  const address = ipv4Bits(hostname);
  if (address >>> 24 === 127) {
    return "loopback";
  }
  const isSpecial = SPECIAL_IPV4.some(([first, prefix]) =>
    hasPrefix(address, ipv4Bits(first), prefix),
  );
  return isSpecial ? "special" : "public";
}

function classifyIpv6(address: string): IpLiteral {
  if (address === "::1") {
    return "loopback";
  }
  const first = ipv6FirstBits(address);
  const isGlobal = hasPrefix(first, 0x2000_0000, 3);
  const isSpecial = SPECIAL_IPV6.some(([start, prefix]) => hasPrefix(first, start, prefix));
  return isGlobal && !isSpecial ? "public" : "special";
}

function ipv4Bits(address: string): number {
  return address.split(".").reduce((bits, octet) => ((bits << 8) | Number(octet)) >>> 0, 0);
}

/** The first 32 bits of a canonical address: groups before `::`, which stands for zeros. */
function ipv6FirstBits(address: string): number {
  const [head = ""] = address.split("::");
  const [first = "", second = ""] = head.split(":");
  return ((Number.parseInt(first || "0", 16) << 16) | Number.parseInt(second || "0", 16)) >>> 0;
}

function hasPrefix(address: number, first: number, prefixLength: number): boolean {
  const ignored = 32 - prefixLength;
  return address >>> ignored === first >>> ignored;
}
