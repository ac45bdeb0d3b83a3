import { Agent, request as httpRequest } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";

export interface Post {
  path: string;
  headers: OutgoingHttpHeaders;
  body: string | Uint8Array;
  /** Aborting it closes the connection, as a client does that leaves. */
  signal?: AbortSignal | undefined;
}

/** HTTP/1.1 over kept connections that end with the client, so that none is taken for a leak. */
export class HttpClient implements Disposable {
  readonly #baseUrl: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl;
  }

  /** Resolves when the answer's headers are there; the caller reads the body to its end. */
  post({ path, headers, body, signal }: Post): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      httpRequest(new URL(path, this.#baseUrl), {
        method: "POST",
        agent: this.#agent,
        headers: { "Content-Length": Buffer.byteLength(body), ...headers },
        ...(signal === undefined ? {} : { signal }),
      })
        .on("response", resolve)
        .on("error", reject)
        .end(body);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
