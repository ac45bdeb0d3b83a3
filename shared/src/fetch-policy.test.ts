import { describe, expect, it } from "vitest";

import { judgeRedirect, judgeUrl } from "./fetch-policy.ts";
import type { FetchPolicy } from "./fetch-policy.ts";
import type { HostRules } from "./host-rules.ts";
import { classifyIpAddress } from "./ip-address.ts";

const production: FetchPolicy = { allowHttpLoopback: false, hosts: [] };
const development: FetchPolicy = { allowHttpLoopback: true, hosts: [] };

const isRefused = (url: string, policy = production) => "refusal" in judgeUrl(url, policy);

const NOT_PUBLIC = [
  // names
  "localhost",
  "localhost.",
  "LOCALHOST",
  "a.localhost",
  "printer.local",
  "metadata.google.internal",
  "metadata.google.internal.",
  "metadata",
  "router.home.arpa",
  "example.com.",
  "ｌｏｃａｌｈｏｓｔ",
  // IPv4
  "127.0.0.1",
  "127.0.0.1.",
  "0.0.0.0",
  "169.254.169.254",
  "168.63.129.16",
  "10.0.0.1",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "100.64.0.1",
  "100.100.100.200",
  "192.0.0.192",
  "198.18.0.1",
  "198.19.255.255",
  "224.0.0.1",
  "240.0.0.1",
  "255.255.255.255",
  // IPv4 in other spellings
  "2130706433",
  "0x7f000001",
  "0x7f.1",
  "0177.0.0.1",
  "017700000001",
  "127.1",
  "0",
  "127%2e0%2e0%2e1",
  "１２７.0.0.1",
  "127。0。0。1",
  // IPv6
  "[::]",
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[::ffff:169.254.169.254]",
  "[::ffff:a9fe:a9fe]",
  "[::127.0.0.1]",
  "[fe80::1]",
  "[fe80::1%25eth0]",
  "[fc00::1]",
  "[fd00:ec2::254]",
  "[fec0::1]",
  "[ff02::1]",
  "[2002:7f00:1::]",
  "[2001::1]",
  "[2001:0:7f00:1::]",
  "[2001:db8::1]",
  "[3fff::1]",
  "[64:ff9b::7f00:1]",
  "[64:ff9b:1::1]",
  "[100::1]",
];

const MALFORMED = [
  String.raw`https://evil\@example.com/a.png`,
  String.raw`https:\\example.com/a.png`,
  "https://example.com@evil.com/a.png",
  "https://user:password@example.com/a.png",
  "https://:@example.com:pass@evil.com/",
  "https://exam\tple.com/a.png",
  "https://example.com/a\r\n.png",
  " https://example.com/a.png",
  "https://example.com/a.png\u0000",
  "https://example.com/\u00a0",
  "https:example.com/a.png",
  "https:/example.com/a.png",
  "https:///example.com/a.png",
  "https://",
  "https://exa mple.com/",
  "https://[::1/",
  "https://1.2.3.4.5/",
  "/a.png",
  "//example.com/a.png",
  "a.png",
  "",
  `https://example.com/${"a".repeat(8200)}`,
];

const OTHER_SCHEMES = [
  "http://example.com/a.png",
  "HTTP://example.com/a.png",
  "file:///etc/passwd",
  "ftp://example.com/a.png",
  "gopher://example.com/",
  "blob:https://example.com/1",
  "javascript:alert(1)",
  "cid:media-0",
];

describe("judgeUrl", () => {
  it.each(NOT_PUBLIC)("refuses the host %s", (host) => {
    expect(isRefused(`https://${host}/a.png`)).toBe(true);
  });

  it.each(MALFORMED)("refuses the malformed %j", (url) => {
    expect(isRefused(url)).toBe(true);
  });

  it.each(OTHER_SCHEMES)("refuses the scheme of %s and names those it expects", (url) => {
    expect(judgeUrl(url, production)).toEqual({
      refusal: expect.stringContaining("expected https: or data:"),
    });
  });

  it.each([22, 25, 80, 6379, 8080])("refuses port %i", (port) => {
    expect(isRefused(`https://example.com:${port}/`)).toBe(true);
  });

  it.each([
    ["https://example.com/a.png", "https://example.com/a.png"],
    ["HTTPS://EXAMPLE.com/a.png?b#c", "https://example.com/a.png?b#c"],
    ["https://example.com:443/", "https://example.com/"],
    ["https://example.com:8443/", "https://example.com:8443/"],
    ["https://allowed.com#@evil", "https://allowed.com/#@evil"],
    ["https://bücher.example.com/ü.png", "https://xn--bcher-kva.example.com/%C3%BC.png"],
    ["https://mylocalhost.com/", "https://mylocalhost.com/"],
    ["https://172.32.0.1/", "https://172.32.0.1/"],
    ["https://100.128.0.1/", "https://100.128.0.1/"],
    ["https://8.8.8.8/", "https://8.8.8.8/"],
    ["https://[2606:4700::1111]/", "https://[2606:4700::1111]/"],
    ["https://[2001:4860:4860::8888]/", "https://[2001:4860:4860::8888]/"],
  ])("permits %s", (text, href) => {
    expect(judgeUrl(text, production)).toEqual({ url: new URL(href) });
  });

  it("permits http: on this machine only in development, on any port", () => {
    for (const url of ["http://127.0.0.1:9000/", "http://localhost/", "http://[::1]:22/"]) {
      expect(isRefused(url, development)).toBe(false);
      expect(isRefused(url, production)).toBe(true);
    }
    expect(isRefused("http://192.168.0.1/", development)).toBe(true);
    expect(isRefused("https://localhost/", development)).toBe(true);
    expect(isRefused("http://user@localhost/", development)).toBe(true);
  });

  it("never repeats the URL, which may hold a secret", () => {
    const verdict = judgeUrl("https://user:secret@10.0.0.1/?token=secret", production);
    expect(JSON.stringify(verdict)).not.toMatch(/secret|10\.0/);
  });
});

describe("lists of hosts", () => {
  const deployment = { allow: ["*.example.com", "example.org"], deny: ["bad.example.com"] };
  const policy = (key: HostRules): FetchPolicy => ({ ...production, hosts: [deployment, key] });

  it.each<[string, HostRules, boolean]>([
    ["https://cdn.example.com/", {}, true],
    ["https://example.org/", {}, true],
    ["https://bad.example.com/", {}, false],
    ["https://other.com/", {}, false],
    ["https://cdn.example.com/", { allow: ["cdn.example.com"] }, true],
    ["https://example.org/", { allow: ["cdn.example.com"] }, false],
    ["https://cdn.example.com/", { deny: ["*.example.com"] }, false],
    ["https://other.com/", { allow: ["other.com"] }, false], // a key narrows, and never widens
    ["https://bad.example.com/", { allow: ["bad.example.com"] }, false],
    ["https://127.0.0.1/", { allow: ["127.0.0.1"] }, false],
  ])("%s with a key's %j", (url, key, isPermitted) => {
    expect("url" in judgeUrl(url, policy(key))).toBe(isPermitted);
  });

  it("hold for redirects too", () => {
    const from = new URL("https://cdn.example.com/a.png");
    expect(judgeRedirect(from, "https://other.com/", policy({}))).toHaveProperty("refusal");
    expect(judgeRedirect(from, "https://example.org/", policy({}))).toHaveProperty("url");
  });
});

describe("our own bucket", () => {
  const ownBucket = { endpoint: "https://s3.example.com", bucket: "media" };
  const policy = { ...production, ownBucket };
  const presigned = "https://s3.example.com/media/another-tenants?X-Amz-Signature=1";

  it("is refused by URL, also when a redirect leads there", () => {
    expect(judgeUrl(presigned, policy)).toEqual({
      refusal: expect.stringContaining("own storage"),
    });
    const from = new URL("https://example.com/");
    expect(judgeRedirect(from, presigned, policy)).toHaveProperty("refusal");
  });
});

describe("classifyIpAddress", () => {
  it.each([
    ["8.8.8.8", "public"],
    ["2606:4700::1111", "public"],
    ["10.0.0.1", "special"],
    ["::ffff:10.0.0.1", "special"],
    ["0:0:0:0:0:ffff:7f00:1", "special"],
    ["::1", "loopback"],
    ["127.8.8.8", "loopback"],
    ["fe80::1%eth0", "special"],
    ["FD00::1", "special"],
    ["not an address", "special"],
    ["", "special"],
  ])("%s is %s", (address, kind) => {
    expect(classifyIpAddress(address)).toBe(kind);
  });
});

describe("judgeRedirect", () => {
  const from = new URL("https://example.com/a/b.png");

  it("resolves a relative Location", () => {
    expect(judgeRedirect(from, "../c.png", production)).toEqual({
      url: new URL("https://example.com/c.png"),
    });
  });

  it.each([
    null,
    "http://example.com/",
    "https://169.254.169.254/",
    "//localhost/",
    "file:///etc/passwd",
    "data:image/png;base64,AAAA",
    String.raw`\\localhost\a`,
    "https://user@example.com/",
    "https://[",
  ])("refuses %s", (location) => {
    expect(judgeRedirect(from, location, production)).toHaveProperty("refusal");
  });

  it("never leads from a public host to this machine, not even in development", () => {
    const loopback = "http://127.0.0.1:9000/";
    expect(judgeRedirect(from, loopback, development)).toHaveProperty("refusal");
    expect(judgeRedirect(new URL("http://localhost:1/"), loopback, development)).toHaveProperty(
      "url",
    );
  });
});
