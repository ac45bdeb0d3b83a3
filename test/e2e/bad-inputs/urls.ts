import { IMAGE_URL_PARAM, about } from "./bad-input.ts";
import type { BadInput } from "./bad-input.ts";

const refused = (name: string, url: string): BadInput => ({
  name,
  body: about(url),
  param: IMAGE_URL_PARAM,
  says: /refused: .{10}/,
});

const unreachable = (name: string, url: string): BadInput => ({
  name,
  body: about(url),
  param: IMAGE_URL_PARAM,
  says: /cannot be fetched/,
  status: 422,
});

const privateHosts = [
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
  "100.127.255.255",
  "198.18.0.1",
  "198.19.255.255",
  "224.0.0.1",
  "239.255.255.255",
  "240.0.0.1",
  "255.255.255.255",
  "2130706433",
  "0x7f000001",
  "0177.0.0.1",
  "127.1",
  "0177.1",
  "017700000001",
  "0x7f.0.0.0x1",
  "256.256.256.256",
  "[::ffff:169.254.169.254]",
  "[::ffff:7f00:1]",
  "[0000:0000:0000:0000:0000:ffff:a9fe:a9fe]",
  "[::127.0.0.1]",
  "[fe80::1]",
  "[fc00::1]",
  "[fd12:3456::1]",
  "[fec0::1]",
  "[2002:7f00:1::]",
  "[64:ff9b::7f00:1]",
  "[0:0:0:0:0:0:0:1]",
  "[ff02::1]",
  "localhost.",
  "127.0.0.1.",
  "127%2e0%2e0%2e1",
  "a.localhost",
  "printer.local",
  "intranet",
  "１２７.0.0.1",
  "127。0。0。1",
  "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
];

const tricks = [
  String.raw`https://evil\@allowed.com/`,
  "https://allowed.com@evil.example/",
  "https://allowed.com:secret@evil.example/",
  "https://127.0.0.1#@allowed.com/",
  "https://169.254.169.254/?https://allowed.com/",
  "https://exa\tmple.com/",
  "https://example.com/\r\nHost: a",
  " https://example.com/",
  "https://%6c%6f%63%61%6c%68%6f%73%74/",
  "https://[fe80::1%25eth0]/",
  "https://",
  "https:///etc/passwd",
  "https:example.com/a.png",
  "https:/example.com/a.png",
  "//127.0.0.1/a.png",
  `https://example.com/${"a".repeat(9000)}.png`,
];

const schemes = [
  "file:///etc/passwd",
  "ftp://example.com/a.png",
  "gopher://example.com/",
  "HTTP://example.com/a.png",
  "http://example.com/a.png",
  "javascript:alert(1)",
  "ws://example.com/",
  "blob:https://example.com/1",
  "/etc/passwd",
  "cid:media-0",
  "a.png",
];

const ports = [22, 25, 6379, 8080, 0, 65_535];

/** The second has Cyrillic letters, the third only mentions an address. */
const unknownHosts = ["does-not-exist.invalid", "ехаmple.invalid", "a.invalid#@127.0.0.1"];

/** List A: URLs that are refused without a connection. */
export const badUrls: BadInput[] = [
  ...privateHosts.map((host) => refused(`the host ${host}`, `https://${host}/a.png`)),
  ...tricks.map((url) => refused(JSON.stringify(url), url)),
  ...schemes.map((url) => refused(url, url)),
  ...ports.map((port) => refused(`port ${port}`, `https://example.com:${port}/a.png`)),
  ...unknownHosts.map((host) => unreachable(`the host ${host}`, `https://${host}/a.png`)),
  {
    name: "a file that does not exist",
    body: about("file-abc123"),
    param: IMAGE_URL_PARAM,
    says: /no such file/,
    status: 404,
  },
];
