import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";

import { IMAGE_URL_PARAM, about } from "./bad-input.ts";
import type { BadInput } from "./bad-input.ts";

const refused = (name: string, url: string, says = /refused/): BadInput => ({
  name,
  body: about(url),
  param: IMAGE_URL_PARAM,
  says,
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
  "192.168.1.1",
  "100.64.0.1",
  "198.18.0.1",
  "224.0.0.1",
  "240.0.0.1",
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
  "a.localhost",
  "printer.local",
  "intranet",
  "１２７.0.0.1",
  "127。0。0。1",
];

const tricks = [
  String.raw`https://evil\@allowed.com/`,
  "https://allowed.com@evil.example/",
  "https://allowed.com:secret@evil.example/",
  "https://exa\tmple.com/",
  "https://example.com/\r\nHost: a",
  " https://example.com/",
  "https://%6c%6f%63%61%6c%68%6f%73%74/",
  "https://[fe80::1%25eth0]/",
  "https://",
  "https:///etc/passwd",
];

const schemes = [
  "file:///etc/passwd",
  "ftp://example.com/a.png",
  "gopher://example.com/",
  "HTTP://example.com/a.png",
  "http://example.com/a.png",
  "javascript:alert(1)",
  "/etc/passwd",
  "cid:media-0",
  "a.png",
];

const ports = [22, 25, 6379, 8080, 0, 65_535];

/** List A: URLs that are refused without a connection. */
export const badUrls: BadInput[] = [
  ...privateHosts.map((host) => refused(`the host ${host}`, `https://${host}/a.png`)),
  ...tricks.map((url) => refused(JSON.stringify(url), url)),
  ...schemes.map((url) => refused(url, url)),
  ...ports.map((port) => refused(`port ${port}`, `https://example.com:${port}/a.png`)),
  {
    name: "a name that does not exist",
    body: about("https://does-not-exist.invalid/a.png"),
    param: IMAGE_URL_PARAM,
    says: /cannot be fetched|refused/,
    status: 422,
  },
  {
    name: "a file that does not exist",
    body: about("file-abc123"),
    param: IMAGE_URL_PARAM,
    says: /no such file/,
    status: 404,
  },
];

type Answer = (response: ServerResponse, url: string) => void;

const redirect = (location: string, status = 302): Answer => {
  return (response) => response.writeHead(status, { Location: location }).end();
};

const PNG_HEAD = Buffer.from("\u0089PNG\r\n\u001a\n", "latin1");

/** How servers misbehave: the path, the answer, and what is said of it. */
const SERVERS: readonly { path: string; answer: Answer; says: RegExp; status?: number }[] = [
  {
    path: "/to-private",
    answer: redirect("https://169.254.169.254/"),
    says: /redirects to a URL that is refused/,
  },
  {
    path: "/to-file",
    answer: redirect("file:///etc/passwd"),
    says: /redirects to a URL that is refused/,
  },
  { path: "/loop", answer: redirect("/loop"), says: /in a circle/ },
  {
    path: "/more/0",
    answer: (response, url) =>
      redirect(`/more/${Number(url.split("/").at(-1)) + 1}`)(response, url),
    says: /more than 5 times/,
  },
  {
    path: "/nowhere",
    answer: (response) => response.writeHead(302).end(),
    says: /redirects to a URL/,
  },
  {
    path: "/not-modified",
    answer: (response) => response.writeHead(304).end(),
    says: /status 304/,
  },
  {
    path: "/part",
    answer: (response) => response.writeHead(206, { "Content-Range": "bytes 0-7/9" }).end(PNG_HEAD),
    says: /status 206/,
  },
  {
    path: "/missing",
    answer: (response) => response.writeHead(404).end("secret"),
    says: /status 404/,
  },
  {
    path: "/cut",
    answer: (response) => {
      response.writeHead(200, { "Content-Length": "1000" });
      response.write(PNG_HEAD, () => response.destroy());
    },
    says: /broke off/,
  },
  {
    path: "/huge",
    answer: (response) => response.writeHead(200, { "Content-Length": "99999999999" }).end(),
    says: /larger than/,
    status: 413,
  },
  { path: "/endless", answer: endless, says: /larger than/, status: 413 },
  {
    path: "/bomb",
    answer: (response) =>
      response.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync(Buffer.alloc(2 ** 25))),
    says: /larger than|Expected a picture/,
    status: 413,
  },
  {
    path: "/page",
    answer: (response) =>
      response.writeHead(200, { "Content-Type": "image/png" }).end("<html>not found</html>"),
    says: /Expected a picture/,
    status: 400,
  },
  { path: "/empty", answer: (response) => response.end(), says: /empty|no bytes/, status: 400 },
];

/** Bytes until the other side has had enough. */
function endless(response: ServerResponse): void {
  const chunk = Buffer.alloc(2 ** 20);
  const more = () => {
    while (!response.destroyed && response.write(chunk)) {
      // until it must wait
    }
  };
  response.on("drain", more);
  more();
}

export function createBadServer(): Server {
  return createServer((request, response) => {
    response.on("error", () => undefined);
    const url = request.url ?? "/";
    const found = SERVERS.find(
      ({ path }) => path === url || (url.startsWith("/more/") && path === "/more/0"),
    );
    found?.answer(response, url);
  });
}

/** List A: what the servers behind URLs may do. */
export function badServers(port: number): BadInput[] {
  return SERVERS.map(({ path, says, status = 422 }) => ({
    name: `a server that answers ${path}`,
    body: about(`http://127.0.0.1:${port}${path}`),
    param: IMAGE_URL_PARAM,
    says,
    status,
  }));
}
