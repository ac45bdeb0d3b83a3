/** An origin of pictures, good and bad: the path says how it behaves. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

type Behaviour = (response: ServerResponse, request: IncomingMessage) => Promise<void> | void;

const PNG = Buffer.concat([Buffer.from("\u0089PNG\r\n\u001a\n", "latin1"), Buffer.alloc(100)]);

const MIB = 2 ** 20;

/** Bytes that begin as an MP4. */
function clip(length: number): Buffer {
  const bytes = Buffer.alloc(length, "clip");
  bytes.write("\0\0\0\u0018ftypisom\0\0\0\0isommp42", "latin1");
  return bytes;
}

const BEHAVIOURS: Record<string, Behaviour> = {
  "/good.png": (response) => send(response, 200, PNG),
  "/typed-as-html.png": (response) => send(response, 200, PNG, { "Content-Type": "text/html" }),
  "/page.png": (response) =>
    send(response, 200, "<!doctype html>", { "Content-Type": "image/png" }),
  "/picture.svg": (response) => send(response, 200, "<svg xmlns='http://www.w3.org/2000/svg'/>"),
  "/17-mib.png": (response) =>
    send(response, 200, Buffer.concat([PNG, Buffer.alloc(17 * 2 ** 20)])),
  "/small.mp4": (response) => send(response, 200, clip(MIB)),
  "/20-mib.mp4": (response) => send(response, 200, clip(20 * MIB)),
  "/40-mib-chunked.mp4": (response) => streamClip(response, 40),
  "/20-mib-page.mp4": (response) => send(response, 200, Buffer.alloc(20 * MIB, "<html>")),
  "/5-gib.mp4": (response) => {
    response.writeHead(200, { "Content-Length": String(5 * 2 ** 30) });
    response.write(clip(MIB));
  },
  "/breaks-off.mp4": (response) => {
    response.writeHead(200, { "Content-Length": String(40 * MIB) });
    response.write(clip(20 * MIB), () => response.destroy());
  },
  "/never-ends.mp4": (response) => streamClip(response, Infinity),
  "/empty.png": (response) => send(response, 200, ""),
  "/missing.png": (response) => send(response, 404, PNG),
  "/partial.png": (response) => send(response, 206, PNG),
  "/not-modified.png": (response) => send(response, 304, ""),
  "/endless.png": endless,
  "/announced-too-long.png": (response) => {
    response.writeHead(200, { "Content-Length": String(2 ** 40) });
    response.write(PNG);
  },
  "/shorter-than-announced.png": async (response) => {
    response.writeHead(200, { "Content-Length": "1000" });
    response.write(PNG);
    await delay(20);
    response.destroy();
  },
  "/no-headers.png": () => {},
  "/stalls.png": (response) => {
    response.writeHead(200);
    response.write(PNG);
  },
  "/drips.png": drips,
  "/to/good": (response) => redirect(response, "/good.png"),
  "/to/metadata": (response) => redirect(response, "http://169.254.169.254/latest/meta-data/"),
  "/to/private": (response) => redirect(response, "https://10.0.0.1/"),
  "/to/file": (response) => redirect(response, "file:///etc/passwd"),
  "/to/nowhere": (response) => send(response, 302, ""),
  "/to/itself": (response) => redirect(response, "/to/itself"),
};

const counts = new Map<string, number>();

/** `/count?of=PATH` tells how often a path with its query was asked for. */
export function servePicture(request: IncomingMessage, response: ServerResponse): void {
  const target = request.url ?? "/";
  const { pathname, searchParams } = new URL(target, "http://fake");
  if (pathname === "/count") {
    send(response, 200, String(counts.get(searchParams.get("of") ?? "") ?? 0));
    return;
  }
  counts.set(target, (counts.get(target) ?? 0) + 1);
  const hops = /^\/hops\/(\d+)$/.exec(pathname)?.[1];
  const behaviour = BEHAVIOURS[pathname];
  if (hops !== undefined) {
    redirect(response, hops === "1" ? "/good.png" : `/hops/${Number(hops) - 1}`);
  } else if (behaviour === undefined) {
    send(response, 404, "");
  } else {
    void behaviour(response, request);
  }
}

async function streamClip(response: ServerResponse, mebibytes: number): Promise<void> {
  response.writeHead(200);
  response.write(clip(MIB));
  for (let sent = 1; sent < mebibytes && !response.closed; sent++) {
    await new Promise((resolve) => {
      response.write(Buffer.alloc(MIB, "clip"), resolve);
    });
  }
  response.end();
}

async function endless(response: ServerResponse): Promise<void> {
  response.writeHead(200);
  const piece = Buffer.alloc(2 ** 18);
  while (!response.closed) {
    response.write(piece);
    await delay(0);
  }
}

async function drips(response: ServerResponse): Promise<void> {
  response.writeHead(200);
  while (!response.closed) {
    response.write(Buffer.of(0x89));
    await delay(20);
  }
}

function redirect(response: ServerResponse, location: string): void {
  send(response, 302, "moved", { Location: location });
}

function send(
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, headers);
  response.end(body);
}
