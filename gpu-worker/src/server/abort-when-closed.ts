import type { ServerResponse } from "node:http";

import type { LiveRequest } from "./request-registry.ts";

/** The client may have left already, while its body was read. */
export function abortWhenClosed(live: LiveRequest, response: ServerResponse): void {
  if (response.destroyed) {
    live.abort();
  }
  response.on("close", () => live.abort());
}
