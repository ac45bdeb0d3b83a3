import type * as hub from "@huggingface/hub";
import * as z from "zod";

import type { HubClient } from "./hub-client.ts";
import { ConnectionError, HubAnswerError, HubFormatError } from "./hub-error.ts";
import type { HubReference } from "./model-source.ts";
import { parseListing } from "./remote-files.ts";
import type { RemoteFile } from "./remote-files.ts";
import { MAX_SILENCE_MS, Watchdog } from "./watchdog.ts";

/** The listing of the 235B checkpoint has 40 KB. */
const MAX_ANSWER_BYTES = 8 * 2 ** 20;
const MAX_ENTRIES = 10_000;

const Commit = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/) });

type Retry = <T>(attempt: () => Promise<T>) => Promise<T>;

/** What the hub says of a repository, asked through its own library. */
export class HubApi {
  readonly #client: HubClient;
  readonly #retry: Retry;

  constructor(client: HubClient, retry: Retry) {
    this.#client = client;
    this.#retry = retry;
  }

  /** The commit that a revision stands for now. */
  commitOf({ repository, revision }: HubReference): Promise<string> {
    return this.#ask(async ({ modelInfo }, transport) => {
      const info: unknown = await modelInfo({
        ...transport,
        name: repository,
        revision,
        additionalFields: ["sha"],
      });
      return Commit.parse(info).sha;
    });
  }

  /** The files at the top of the repository. */
  filesOf(repository: string, commit: string): Promise<RemoteFile[]> {
    return this.#ask(async ({ listFiles }, transport) => {
      const entries: unknown[] = [];
      for await (const entry of listFiles({ ...transport, repo: repository, revision: commit })) {
        entries.push(entry);
        if (entries.length > MAX_ENTRIES) {
          throw new HubFormatError(`more than ${MAX_ENTRIES} files`);
        }
      }
      return parseListing(entries);
    });
  }

  /** The library believes what it reads: whatever it trips over is the answer's fault. */
  async #ask<T>(question: (library: Library, transport: Transport) => Promise<T>): Promise<T> {
    const library = await import("@huggingface/hub"); // takes 0.4 s, which a cached start need not spend
    try {
      return await question(library, { hubUrl: this.#client.endpoint, fetch: this.#fetch });
    } catch (error) {
      if (error instanceof HubAnswerError || error instanceof ConnectionError) {
        throw error;
      }
      throw error instanceof HubFormatError ? error : HubFormatError.from(error);
    }
  }

  readonly #fetch: typeof fetch = (input, init) => {
    const address = input instanceof Request ? input.url : String(input);
    return this.#retry(async () => {
      using watchdog = new Watchdog(MAX_SILENCE_MS);
      const headers = new Headers(init?.headers);
      return await readWhole(await this.#client.get(address, { headers, signal: watchdog.signal }));
    });
  };
}

type Library = typeof hub;

interface Transport {
  hubUrl: string;
  fetch: typeof fetch;
}

/** The same answer with a body that has been read, within bounds. */
async function readWhole({ body, status, headers }: Response): Promise<Response> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of body ?? []) {
      length += chunk.length;
      if (length > MAX_ANSWER_BYTES) {
        throw new HubFormatError(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof HubFormatError ? error : ConnectionError.from(error);
  }
  return new Response(Buffer.concat(chunks), { status, headers });
}
