import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";

import { Busboy } from "@fastify/busboy";
import type { BusboyInstance } from "@fastify/busboy";
import { ApiError } from "@qwen3-vl/shared/errors";
import { MAX_BODY_BYTES, MAX_MEDIA_URLS } from "@qwen3-vl/shared/limits";
import { REQUEST_PART } from "@qwen3-vl/shared/worker-protocol";
import type { InlineMedium, WorkerRequest } from "@qwen3-vl/shared/worker-protocol";

/** A body that was read whole, with each medium's bytes by its name. */
export interface ReceivedRequest {
  request: WorkerRequest;
  media: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads a multipart body: the part `request` first, then media, each no longer than `request` says
 * and with the digest it says.
 *
 * @param open parses and verifies the text of the part `request`; no medium is read before
 * @throws ApiError when the body is not of that form
 */
export async function readMultipart(
  incoming: IncomingMessage,
  open: (text: string) => Promise<WorkerRequest>,
): Promise<ReceivedRequest> {
  const reader = new MultipartReader(open);
  const parser = createParser(incoming);
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      incoming.unpipe(parser);
      incoming.resume(); // what still comes is read and dropped, so that the answer can be sent
      reject(error instanceof ApiError ? error : malformed("the multipart body is damaged", error));
    };
    parser.on("field", (name, text, _nameCut, isCut) => reader.openRequest(name, text, isCut));
    parser.on("file", (name, stream) => {
      // A body that ends within the part; the parser tells it too. Unheard, it would end the process.
      stream.on("error", fail);
      reader.readMedium(name, stream).catch((error: unknown) => {
        stream.resume();
        fail(error);
      });
    });
    parser.on("finish", () => {
      reader.finish().then(resolve, fail);
    });
    parser.on("error", fail);
    incoming.on("aborted", () => fail(malformed("the body ended early")));
    incoming.pipe(parser);
  });
}

class MultipartReader {
  readonly #open: (text: string) => Promise<WorkerRequest>;
  readonly #media = new Map<string, Uint8Array>();
  readonly #begun = new Set<string>();
  #request: Promise<WorkerRequest> | undefined;
  #reading: Promise<void>[] = [];

  constructor(open: (text: string) => Promise<WorkerRequest>) {
    this.#open = open;
  }

  openRequest(name: string, text: string, isCut: boolean): void {
    if (name !== REQUEST_PART || isCut || this.#request !== undefined) {
      this.#request = Promise.reject(malformed(`expected one whole part "${REQUEST_PART}" first`));
    } else {
      this.#request = this.#open(text);
    }
    this.#request.catch(() => undefined); // told where it is awaited
  }

  readMedium(name: string, stream: Readable): Promise<void> {
    const reading = this.#readMedium(name, stream);
    this.#reading.push(reading);
    return reading;
  }

  async finish(): Promise<ReceivedRequest> {
    const request = await this.#requestPart();
    await Promise.all(this.#reading);
    for (const { name } of request.media) {
      if (!this.#media.has(name)) {
        throw malformed(`the part ${name} is missing`);
      }
    }
    return { request, media: this.#media };
  }

  async #readMedium(name: string, stream: Readable): Promise<void> {
    const request = await this.#requestPart();
    const medium = request.media.find((candidate) => candidate.name === name);
    if (medium === undefined || this.#begun.has(name)) {
      throw malformed(`the part ${shown(name)} is not announced, or comes twice`);
    }
    this.#begun.add(name);
    this.#media.set(name, await readExactly(stream, medium));
  }

  #requestPart(): Promise<WorkerRequest> {
    return this.#request ?? Promise.reject(malformed(`the part "${REQUEST_PART}" is missing`));
  }
}

async function readExactly(stream: Readable, medium: InlineMedium): Promise<Uint8Array> {
  const bytes = new Uint8Array(medium.bytes);
  const hash = createHash("sha256");
  let length = 0;
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array) || length + chunk.length > bytes.length) {
      throw malformed(`${medium.name} is longer than its ${medium.bytes} bytes`);
    }
    bytes.set(chunk, length);
    hash.update(chunk);
    length += chunk.length;
  }
  if (length !== medium.bytes || hash.digest("hex") !== medium.sha256) {
    throw malformed(`${medium.name} does not match its length and digest`);
  }
  return bytes;
}

function createParser(incoming: IncomingMessage): BusboyInstance {
  const contentType = incoming.headers["content-type"] ?? "";
  if (!contentType.startsWith("multipart/form-data")) {
    throw malformed(`expected multipart/form-data, got ${shown(contentType)}`);
  }
  try {
    return new Busboy({
      headers: { ...incoming.headers, "content-type": contentType },
      limits: { fields: 2, fieldSize: 2 * MAX_BODY_BYTES, files: MAX_MEDIA_URLS + 1 },
    });
  } catch (cause) {
    throw malformed("the content type has no boundary", cause);
  }
}

const MAX_SHOWN_NAME = 80;

function shown(name: string): string {
  return JSON.stringify(name.slice(0, MAX_SHOWN_NAME));
}

function malformed(message: string, cause?: unknown): ApiError {
  return new ApiError("invalid_request", `Multipart body: ${message}.`, { cause });
}
