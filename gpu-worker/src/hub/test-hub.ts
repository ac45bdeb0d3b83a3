import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from "node:http";
import { join } from "node:path";

export const REPOSITORY = "test/dense";
export const COMMIT = "c0ffee".padEnd(40, "0");

/** Files of this size and more are stored on the other host, as the hub does with LFS. */
const LFS_BYTES = 50_000;

export interface SeenRequest {
  host: "hub" | "cdn";
  url: string;
  headers: IncomingMessage["headers"];
}

export type Reply = (response: ServerResponse, request: SeenRequest) => void;

/** Another reply than the hub's own. */
export type Intercept = (request: SeenRequest) => Reply | undefined;

/** Entries of the listing as the hub's API has them. */
export interface ListedEntry {
  type: string;
  path: string;
  size: number;
  oid: string;
  lfs?: { oid: string; size: number; pointerSize: number };
}

/**
 * A hub with one repository, as its API and its files are over HTTP: small files from the hub itself,
 * large ones by redirect from a second host, both with ranges.
 */
export class TestHub implements AsyncDisposable {
  readonly repository: string;
  readonly files: Map<string, Buffer>;
  readonly requests: SeenRequest[] = [];
  intercept: Intercept = () => undefined;
  /** Changes the listing. */
  edit: (entries: ListedEntry[]) => unknown[] = (entries) => entries;
  pageSize = 1000;
  readonly #hub: Server;
  readonly #cdn: Server;

  private constructor(repository: string, files: Map<string, Buffer>) {
    this.repository = repository;
    this.files = files;
    this.#hub = createServer((incoming, response) => {
      this.#answer("hub", incoming, response);
    });
    this.#cdn = createServer((incoming, response) => {
      this.#answer("cdn", incoming, response);
    });
  }

  /** Serves the files of a folder, without those in folders below. */
  static async start(folder: string, repository = REPOSITORY): Promise<TestHub> {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    const files = names.map(async (name) => [name, await readFile(join(folder, name))] as const);
    const hub = new TestHub(repository, new Map(await Promise.all(files)));
    for (const server of [hub.#hub, hub.#cdn]) {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    }
    return hub;
  }

  get endpoint(): string {
    return addressOf(this.#hub);
  }

  get cdn(): string {
    return addressOf(this.#cdn);
  }

  fileOf(name: string): Buffer {
    const file = this.files.get(name);
    if (file === undefined) {
      throw new Error(`the repository has no ${name}`);
    }
    return file;
  }

  /** Whether a request is for the content of a file, at the host that has it. */
  isFor(name: string, { url }: SeenRequest): boolean {
    const file = this.fileOf(name);
    const path = isLarge(file)
      ? `/blob/${sha256(file)}`
      : `/${this.repository}/resolve/${COMMIT}/${name}`;
    return url.split("?", 1)[0] === path;
  }

  requestsFor(name: string): SeenRequest[] {
    return this.requests.filter((request) => this.isFor(name, request));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    }
  }

  #answer(host: SeenRequest["host"], incoming: IncomingMessage, response: ServerResponse): void {
    const request = { host, url: incoming.url ?? "/", headers: incoming.headers };
    this.requests.push(request);
    const reply = this.intercept(request);
    if (reply !== undefined) {
      reply(response, request);
      return;
    }
    const { pathname, searchParams } = new URL(request.url, this.endpoint);
    const name = decodeURIComponent(pathname.slice(pathname.lastIndexOf("/") + 1));
    if (host === "cdn") {
      this.#sendBlob(name, request, response);
    } else if (pathname.startsWith(`/api/models/${this.repository}/revision/`)) {
      this.#sendInfo(name, request, response);
    } else if (pathname === `/api/models/${this.repository}/tree/${COMMIT}`) {
      this.#sendListing(Number(searchParams.get("cursor") ?? 0), pathname, response);
    } else if (
      pathname.startsWith(`/${this.repository}/resolve/${COMMIT}/`) &&
      this.files.has(name)
    ) {
      this.#sendFile(name, request, response);
    } else {
      refusal(404, "RepoNotFound")(response, request);
    }
  }

  #sendInfo(revision: string, request: SeenRequest, response: ServerResponse): void {
    if (!["main", "v1", "refs/pr/1", COMMIT].includes(revision)) {
      refusal(404, "RevisionNotFound")(response, request);
      return;
    }
    sendJson(response, {
      _id: "1",
      id: this.repository,
      sha: COMMIT,
      gated: false,
      lastModified: 0,
    });
  }

  #sendListing(start: number, pathname: string, response: ServerResponse): void {
    const entries = this.edit([...this.files].map(([name, file]) => entryOf(name, file)));
    const end = start + this.pageSize;
    if (end < entries.length) {
      response.setHeader("Link", `<${this.endpoint}${pathname}?cursor=${end}>; rel="next"`);
    }
    sendJson(response, entries.slice(start, end));
  }

  #sendFile(name: string, request: SeenRequest, response: ServerResponse): void {
    const file = this.fileOf(name);
    if (!isLarge(file)) {
      rangeOf(file)(response, request);
      return;
    }
    const location = `${this.cdn}/blob/${sha256(file)}?signature=secret-of-the-cdn`;
    response.writeHead(302, { Location: location, "X-Linked-Size": file.length }).end();
  }

  #sendBlob(oid: string, request: SeenRequest, response: ServerResponse): void {
    const file = [...this.files.values()].find((candidate) => sha256(candidate) === oid);
    if (file === undefined) {
      refusal(404)(response, request);
    } else {
      rangeOf(file)(response, request);
    }
  }
}

/** An error as the hub has them. */
export function refusal(status: number, code?: string, headers: OutgoingHttpHeaders = {}): Reply {
  const codeHeader = code === undefined ? {} : { "X-Error-Code": code };
  return (response) =>
    response
      .writeHead(status, { "Content-Type": "application/json", ...codeHeader, ...headers })
      .end('{"error":"refused"}');
}

/** The part of a file that the request asks for. */
export function rangeOf(file: Buffer): Reply {
  return (response, request) => {
    startRange(file, request, response);
    response.end(file.subarray(rangeStart(request)));
  };
}

/** Only so many bytes of that part, and then silence. */
export function beginningOf(file: Buffer, bytes: number): Reply {
  return (response, request) => {
    const start = rangeStart(request);
    startRange(file, request, response);
    response.write(file.subarray(start, start + bytes));
  };
}

function startRange(file: Buffer, request: SeenRequest, response: ServerResponse): void {
  const start = rangeStart(request);
  const length = { "Content-Length": file.length - start };
  if (start > 0) {
    const range = `bytes ${start}-${file.length - 1}/${file.length}`;
    response.writeHead(206, { ...length, "Content-Range": range });
  } else {
    response.writeHead(200, length);
  }
}

export function rangeStart({ headers }: SeenRequest): number {
  return Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
}

function entryOf(path: string, file: Buffer): ListedEntry {
  const oid = createHash("sha1").update(`blob ${file.length}\0`).update(file).digest("hex");
  const lfs = { oid: sha256(file), size: file.length, pointerSize: 132 };
  return {
    type: "file",
    path,
    size: file.length,
    oid,
    ...(isLarge(file) ? { lfs } : {}),
  };
}

function isLarge(file: Buffer): boolean {
  return file.length >= LFS_BYTES;
}

function sha256(file: Buffer): string {
  return createHash("sha256").update(file).digest("hex");
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

function addressOf(server: Server): string {
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return `http://127.0.0.1:${port}`;
}
