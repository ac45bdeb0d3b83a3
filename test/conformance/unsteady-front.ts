import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";

import { ApiError } from "@qwen3-vl/shared/errors";

import { listen } from "../support/listen.ts";

/** A server before the system that lets clients down as a busy or stuck one does. */
export interface UnsteadyFront extends AsyncDisposable {
  url: string;
}

/**
 * `/NAME/fails-2/v1/…` is refused twice as the system refuses when it is full, and passed on from then
 * on; each name counts alone. `/NAME/stalls/v1/…` is never answered.
 */
export async function openUnsteadyFront(systemUrl: string): Promise<UnsteadyFront> {
  const failures = new Map<string, number>();
  const server = createServer((request, response) => {
    const [, name = "", behaviour = "", path = ""] =
      /^\/([\w-]+)\/(fails-\d|stalls)(\/.*)$/.exec(request.url ?? "") ?? [];
    const count = failures.get(name) ?? 0;
    failures.set(name, count + 1);
    if (behaviour === "stalls") {
      request.resume();
    } else if (count < Number(behaviour.slice("fails-".length))) {
      refuse(request, response);
    } else {
      passOn(new URL(path, systemUrl), request, response).catch(() => response.destroy());
    }
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  const close = async () => {
    server.closeAllConnections();
    server.close();
  };
  return { url, [Symbol.asyncDispose]: close };
}

function refuse(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const error = new ApiError("overloaded", "All places are taken.", { retryAfterSeconds: 1 });
  response.writeHead(error.status, { ...error.headers, "Content-Type": "application/json" });
  response.end(JSON.stringify(error));
}

async function passOn(url: URL, request: IncomingMessage, response: ServerResponse) {
  const { method = "GET", headers } = request;
  const body = await buffer(request);
  const answer = await fetch(url, {
    method,
    headers: {
      Authorization: headers.authorization ?? "",
      "Content-Type": headers["content-type"] ?? "",
    },
    ...(method === "GET" ? {} : { body }),
  });
  response.writeHead(answer.status, { "Content-Type": answer.headers.get("Content-Type") ?? "" });
  response.end(await answer.text());
}
