import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";

import { SCENE, evaluationPicture } from "../../support/evaluation.ts";
import { IMAGE_URL_PARAM, about } from "./bad-input.ts";
import type { BadInput } from "./bad-input.ts";

type Answer = (response: ServerResponse, url: string) => void;

interface Misbehaviour {
  path: string;
  answer: Answer;
  says: RegExp;
  /** 422 unless told. */
  status?: number;
}

const redirect = (location: string, status = 302): Answer => {
  return (response) => response.writeHead(status, { Location: location }).end();
};

const PICTURE = evaluationPicture(SCENE);
const PNG_HEAD = Buffer.from("\u0089PNG\r\n\u001a\n", "latin1");

const REFUSED_TARGETS = [
  "https://169.254.169.254/",
  "//169.254.169.254/latest/meta-data/",
  "http://10.0.0.1/",
  "http://[::ffff:169.254.169.254]/",
  "http://0.0.0.0/",
  "http://example.com/",
  "https://example.com:22/",
  "http://user:password@127.0.0.1/",
  "file:///etc/passwd",
  "gopher://127.0.0.1:6379/_FLUSHALL",
  "data:image/png;base64,AAAA",
  "http://exa mple/",
  String.raw`https:\\evil.example\a.png`,
];

/** How servers misbehave: the path, the answer, and what is said of it. */
const SERVERS: readonly Misbehaviour[] = [
  ...REFUSED_TARGETS.map((target, index) => ({
    path: `/to/${index}`,
    answer: redirect(target, [301, 302, 303, 307, 308][index % 5]),
    says: /redirects to a URL that is refused/,
  })),
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
    path: "/many-choices",
    answer: redirect("https://169.254.169.254/", 300),
    says: /status 300/,
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
  { path: "/no-content", answer: (response) => response.writeHead(204).end(), says: /status 204/ },
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
  {
    path: "/longer-than-announced",
    answer: raw("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n12345678 and more"),
    says: /Expected a picture/,
    status: 400,
  },
  {
    path: "/two-lengths",
    answer: raw("HTTP/1.1 200 OK\r\nContent-Length: 8\r\nContent-Length: 9\r\n\r\n123456789"),
    says: /broke off/,
  },
  {
    path: "/negative-length",
    answer: raw("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n12345678"),
    says: /broke off/,
  },
  { path: "/no-http", answer: raw("SSH-2.0-OpenSSH_9.6\r\n"), says: /broke off/ },
  {
    path: "/huge-header",
    answer: raw(`HTTP/1.1 200 OK\r\nX-Huge: ${"h".repeat(2 ** 22)}\r\n\r\n`),
    says: /broke off/,
  },
  { path: "/endless", answer: endless, says: /larger than/, status: 413 },
  {
    path: "/bomb",
    answer: (response) =>
      response.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync(Buffer.alloc(2 ** 25))),
    says: /larger than/,
    status: 413,
  },
  {
    path: "/no-gzip",
    answer: (response) => response.writeHead(200, { "Content-Encoding": "gzip" }).end("no gzip"),
    says: /broke off/,
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

/** These bytes, whatever HTTP says. */
function raw(bytes: string): Answer {
  return ({ socket }) => socket?.end(bytes, "latin1");
}

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

/** Servers that look bad and are not. */
const ODD_SERVERS: Readonly<Record<string, Answer>> = {
  "/typed-as-page": (response) =>
    response.writeHead(200, { "Content-Type": "text/html" }).end(PICTURE),
  "/packed": (response) =>
    response.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync(PICTURE)),
  "/to/relative": redirect("../typed-as-page", 308),
};

/**
 * How slow servers misbehave; each costs the time limit that it exceeds. A byte a second is left to the
 * tests in workerd, where the limit of 30 s can be shortened.
 */
const SLOW_SERVERS: readonly Misbehaviour[] = [
  { path: "/silent", answer: () => undefined, says: /did not send the headers within 10 s/ },
  {
    path: "/stalls",
    answer: (response) => response.writeHead(200).write(PNG_HEAD),
    says: /did not send the next bytes within 10 s/,
  },
];

export function createBadServer(): Server {
  return createServer((request, response) => {
    response.on("error", () => undefined);
    const url = request.url ?? "/";
    const found = [...SERVERS, ...SLOW_SERVERS].find(
      ({ path }) => path === url || (url.startsWith("/more/") && path === "/more/0"),
    );
    const answer = found?.answer ?? ODD_SERVERS[url];
    answer?.(response, url);
  });
}

/** List A: what the servers behind URLs may do. */
export function badServers(port: number): BadInput[] {
  return SERVERS.map((server) => fetchedFrom(port, server));
}

export function slowServers(port: number): BadInput[] {
  return SLOW_SERVERS.map((server) => fetchedFrom(port, server));
}

/** Each answers the picture `SCENE`. */
export function oddServers(port: number): string[] {
  return Object.keys(ODD_SERVERS).map((path) => `http://127.0.0.1:${port}${path}`);
}

function fetchedFrom(port: number, { path, says, status = 422 }: Misbehaviour): BadInput {
  return {
    name: `a server that answers ${path}`,
    body: about(`http://127.0.0.1:${port}${path}`),
    param: IMAGE_URL_PARAM,
    says,
    status,
  };
}
