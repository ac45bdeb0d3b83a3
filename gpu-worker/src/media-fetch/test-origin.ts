import type { IncomingMessage, ServerResponse } from "node:http";
/** An origin of pictures, good and hostile: the path says how it behaves. */
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";

export const PICTURE = Buffer.from("a picture");

type Behaviour = (response: ServerResponse) => Promise<void> | void;

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  "/good": (response) => void response.end(PICTURE),
  "/unannounced": (response) => {
    response.write(PICTURE.subarray(0, 4));
    response.end(PICTURE.subarray(4));
  },
  "/partial": (response) => void response.writeHead(206).end(PICTURE),
  "/not-modified": (response) => void response.writeHead(304).end(),
  "/missing": (response) => void response.writeHead(404).end(PICTURE),
  "/gzip": (response) =>
    void response.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync(PICTURE)),
  "/bomb": (response) =>
    void response
      .writeHead(200, { "Content-Encoding": "gzip" })
      .end(gzipSync(Buffer.alloc(2 ** 24))),
  "/no-gzip": (response) => void response.writeHead(200, { "Content-Encoding": "gzip" }).end("no"),
  "/brotli": (response) => void response.writeHead(200, { "Content-Encoding": "br" }).end("no"),
  "/shorter-than-announced": (response) => {
    response.writeHead(200, { "Content-Length": "1000" });
    response.write(PICTURE, () => response.destroy());
  },
  "/announced-too-long": (response) =>
    void response.writeHead(200, { "Content-Length": String(2 ** 40) }).write(PICTURE),
  "/endless": async (response) => {
    while (!response.closed) {
      response.write(Buffer.alloc(2 ** 16));
      await delay(0);
    }
  },
  "/no-headers": () => undefined,
  "/long-headers": (response) => void response.setHeader("X-Long", "a".repeat(20_000)).end(PICTURE),
  "/stalls": (response) => void response.write(PICTURE),
  "/drips": async (response) => {
    while (!response.closed) {
      response.write(Buffer.of(1));
      await delay(20);
    }
  },
  "/to/good": (response) => redirect(response, "/good"),
  "/to/itself": (response) => redirect(response, "/to/itself"),
  "/to/private": (response) => redirect(response, "https://10.0.0.1/"),
  "/to/http": (response) => redirect(response, "http://media.example/"),
  "/to/file": (response) => redirect(response, "file:///etc/passwd"),
  "/to/nowhere": (response) => void response.writeHead(302).end(),
};

export function serveOrigin({ url = "/" }: IncomingMessage, response: ServerResponse): void {
  const hops = Number(/^\/hops\/(\d+)$/.exec(url)?.[1] ?? 0);
  if (hops > 0) {
    redirect(response, hops === 1 ? "/good" : `/hops/${hops - 1}`);
  } else {
    void BEHAVIOURS[url]?.(response);
  }
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(302, { Location: location }).end("moved");
}
