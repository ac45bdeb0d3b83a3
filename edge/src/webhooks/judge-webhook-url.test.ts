import { ApiError } from "@qwen3-vl/shared/errors";
import { describe, expect, it } from "vitest";

import { permittedWebhookUrl } from "./judge-webhook-url.ts";

/** What a URL becomes, or why it is refused. */
function judged(url: string, env: Parameters<typeof permittedWebhookUrl>[1] = {}): string {
  try {
    return permittedWebhookUrl(url, env);
  } catch (error) {
    if (!(error instanceof ApiError) || error.param !== "url") {
      throw error;
    }
    return error.message;
  }
}

const NOT_PUBLIC = [
  "127.0.0.1",
  "localhost",
  "[::1]",
  "0.0.0.0",
  "169.254.169.254",
  "metadata.google.internal",
  "10.0.0.1",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "100.64.0.1",
  "198.18.0.1",
  "224.0.0.1",
  "240.0.0.1",
  "255.255.255.255",
  "2130706433",
  "0x7f000001",
  "0177.0.0.1",
  "127.1",
  "[::ffff:169.254.169.254]",
  "[::127.0.0.1]",
  "[fe80::1]",
  "[fc00::1]",
  "[fec0::1]",
  "[2002:7f00:1::]",
  "[64:ff9b::7f00:1]",
  "[0:0:0:0:0:0:0:1]",
  "localhost.",
  "127.0.0.1.",
  "127%2e0%2e0%2e1",
  "１２７.0.0.1",
  "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
  "printer.local",
  "intranet",
  "hooks.example.com.",
];

describe("list A: a webhook's URL is refused", () => {
  it.each(NOT_PUBLIC)("of the host %s", (host) => {
    expect(judged(`https://${host}/hook`)).toBe("url: it is refused: its host is not public.");
  });

  it.each([
    ["http://hooks.example.com/", "the scheme is http:; expected https:"],
    ["HTTP://hooks.example.com/", "the scheme is http:; expected https:"],
    ["file:///etc/passwd", "the scheme is file:; expected https:"],
    ["ftp://hooks.example.com/", "the scheme is ftp:; expected https:"],
    ["gopher://hooks.example.com/", "the scheme is gopher:; expected https:"],
    ["data:text/plain,hi", "the scheme is data:; expected https:"],
    ["/hook", "it has no scheme; expected https:"],
    ["", "it has no scheme; expected https:"],
    [
      String.raw`https://evil\@hooks.example.com/`,
      "white space, a control character or a backslash",
    ],
    ["https://hooks.example.com\t/", "white space, a control character or a backslash"],
    ["https://hooks.example.com/\r\nHost: a", "white space, a control character or a backslash"],
    ["https://hooks.example.com@evil.example/", "it contains a user name or password"],
    ["https://user:secret@hooks.example.com/", "it contains a user name or password"],
    ["https://127.0.0.1#@hooks.example.com/", "its host is not public"],
    ["https://[fe80::1%25eth0]/", "it is not a valid URL"],
    ["https:hooks.example.com/", "two slashes"],
    ["https:///hook", "two slashes"],
    ["https://hooks.example.com:22/", "the port is 22; expected 443 or 8443"],
    ["https://hooks.example.com:25/", "the port is 25; expected 443 or 8443"],
    ["https://hooks.example.com:6379/", "the port is 6379; expected 443 or 8443"],
    [`https://hooks.example.com/${"a".repeat(9000)}`, "a URL has at most 8192 characters"],
  ])("%j: %s", (url, refusal) => {
    expect(judged(url)).toContain(`url: it is refused: `);
    expect(judged(url)).toContain(refusal);
  });

  it("in this service's own bucket", () => {
    const env = { S3_ENDPOINT: "https://s3.example.com", S3_BUCKET: "media" };
    expect(judged("https://s3.example.com/media/x", env)).toContain("this service's own storage");
  });
});

describe("a webhook's URL is permitted", () => {
  it("on a public host, and kept as it will be dialled", () => {
    expect(judged("HTTPS://Hooks.Example.com:443/a?b=c")).toBe("https://hooks.example.com/a?b=c");
    expect(judged("https://93.184.216.34:8443/")).toBe("https://93.184.216.34:8443/");
  });

  it("on this machine only in development", () => {
    const url = "http://127.0.0.1:9999/hook";
    expect(judged(url, { ALLOW_HTTP_LOOPBACK: "true" })).toBe(url);
    expect(judged(url, { ALLOW_HTTP_LOOPBACK: "false" })).toContain("refused");
    expect(judged("http://10.0.0.1/", { ALLOW_HTTP_LOOPBACK: "true" })).toContain("refused");
  });

  it("whatever hosts media may come from, but on none from which they never may", () => {
    const env = { MEDIA_ALLOW_HOSTS: "pictures.example.com", MEDIA_DENY_HOSTS: "*.evil.example" };
    expect(judged("https://hooks.example.com/", env)).toBe("https://hooks.example.com/");
    expect(judged("https://a.evil.example/", env)).toContain("not among those that are permitted");
  });
});
