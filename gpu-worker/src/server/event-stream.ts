import type { ServerResponse } from "node:http";

import { formatComment, formatEvent } from "@qwen3-vl/shared/sse";
import type { ServerSentEvent } from "@qwen3-vl/shared/sse";

/** Silence after which a comment shows that the connection lives, and finds out when it does not. */
const PING_MS = 500;

/** Server-sent events on a response: waits for a slow client, and pings while nothing is said. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #ping: NodeJS.Timeout;

  constructor(response: ServerResponse, headers: Readonly<Record<string, string>>) {
    this.#response = response;
    response.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      ...headers,
    });
    response.flushHeaders();
    this.#ping = setInterval(() => {
      if (!response.writableNeedDrain) {
        response.write(formatComment("ping"));
      }
    }, PING_MS);
  }

  /** Resolves when the client has taken enough for more to be sent, or has left. */
  async send(...events: readonly ServerSentEvent[]): Promise<void> {
    this.#ping.refresh();
    const hasRoom = this.#response.write(events.map(formatEvent).join(""));
    if (!hasRoom && !this.#response.destroyed) {
      await drainOrClose(this.#response);
    }
  }

  /** A remark for the edge; clients skip it. */
  comment(text: string): void {
    this.#response.write(formatComment(text));
  }

  end(): void {
    clearInterval(this.#ping);
    this.#response.end();
  }
}

/** Takes both listeners away again: a slow client makes this wait thousands of times. */
function drainOrClose(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      response.off("drain", settle);
      response.off("close", settle);
      resolve();
    };
    response.on("drain", settle);
    response.on("close", settle);
  });
}
