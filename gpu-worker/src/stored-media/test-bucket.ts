import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";

import type { StoredMedium } from "@qwen3-vl/shared/worker-protocol";

type Behaviour = (content: Buffer, request: IncomingMessage, response: ServerResponse) => void;

export const ETAG = '"the-etag"';

/** A bucket of objects that behave as tests say, at `/bucket/NAME`; knows the ranges it was asked for. */
export class TestBucket implements AsyncDisposable {
  readonly ranges: (string | undefined)[] = [];
  readonly #server: Server;
  readonly #objects = new Map<string, { content: Buffer; behave: Behaviour }>();
  #origin = "";

  private constructor() {
    this.#server = createServer((request, response) => {
      const object = this.#objects.get(request.url ?? "");
      this.ranges.push(request.headers.range);
      if (object === undefined) {
        response.writeHead(404).end();
      } else {
        object.behave(object.content, request, response);
      }
    });
  }

  static async start(): Promise<TestBucket> {
    const bucket = new TestBucket();
    bucket.#server.listen(0, "127.0.0.1");
    await once(bucket.#server, "listening");
    const address = bucket.#server.address();
    bucket.#origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    return bucket;
  }

  get url(): string {
    return `${this.#origin}/bucket`;
  }

  /** Stores an object; the result announces it as the edge does. */
  put(name: string, content: Buffer, behave: Behaviour = serve): StoredMedium {
    this.#objects.set(`/bucket/${name}`, { content, behave });
    return {
      name: "media-0",
      url: `${this.url}/${name}`,
      bytes: content.length,
      sha256: createHash("sha256").update(content).digest("hex"),
      etag: ETAG,
      type: "video/mp4",
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}

/** As an S3 does. */
export function serve(content: Buffer, request: IncomingMessage, response: ServerResponse): void {
  response.end(begin(content, request, response));
}

/** Answers the head of a range. @returns the bytes that belong to it */
export function begin(content: Buffer, request: IncomingMessage, response: ServerResponse): Buffer {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
  const start = Number(from);
  const body = content.subarray(start, Number(to) + 1);
  response.writeHead(206, {
    "Content-Length": body.length,
    "Content-Range": `bytes ${start}-${start + body.length - 1}/${content.length}`,
    ETag: ETAG,
  });
  return body;
}

/** The first connection ends after `bytes`; those after it are served. */
export function breakingOffAfter(bytes: number): Behaviour {
  let isFirst = true;
  return (content, request, response) => {
    if (!isFirst) {
      serve(content, request, response);
      return;
    }
    isFirst = false;
    const body = begin(content, request, response);
    response.write(body.subarray(0, bytes), () => response.destroy());
  };
}
