import type { ServerResponse } from "node:http";

import { WORKER_BUSY_HEADER } from "@qwen3-vl/shared/worker-load";

/** `up`: answers; `busy`: takes nothing; `down`: a proxy answers with a page; `hangs`: not even that. */
export type WorkerMode = "up" | "busy" | "down" | "hangs";

export const isWorkerMode = (text: string | null): text is WorkerMode =>
  text === "up" || text === "busy" || text === "down" || text === "hangs";

/** Answers for a worker that is not `up`; returns whether it did. */
export function answerFor(mode: WorkerMode, response: ServerResponse): boolean {
  switch (mode) {
    case "up":
      return false;
    case "busy":
      response.writeHead(503, {
        "Content-Type": "application/json",
        "Retry-After": "1",
        [WORKER_BUSY_HEADER]: "1",
      });
      response.end(
        '{"error":{"message":"busy","type":"server_error","param":null,"code":"overloaded"}}',
      );
      return true;
    case "down":
      response.writeHead(502, { "Content-Type": "text/html" });
      response.end("<h1>502</h1>");
      return true;
    case "hangs":
      return true;
  }
}
