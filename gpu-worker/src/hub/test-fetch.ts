import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CheckpointError } from "../weights/checkpoint-error.ts";
import { fetchCheckpoint } from "./fetch-checkpoint.ts";
import type { FetchOptions } from "./fetch-checkpoint.ts";
import type { Progress } from "./fetch-progress.ts";
import { COMMIT, REPOSITORY, TestHub, beginningOf, rangeStart } from "./test-hub.ts";
import type { Intercept, Reply } from "./test-hub.ts";

export const DENSE = join(import.meta.dirname, "../../../test/golden/data/checkpoints/dense");
export const WEIGHTS = "model.safetensors";
export const TOKEN = "token-of-the-test";
/** What the checkpoint's folder in the cache is called. */
export const FOLDER = `test--dense--${COMMIT}`;

/** The reply the first time, and the hub's own from then on. */
export function once(reply: Reply): () => Reply | undefined {
  const replies = [reply];
  return () => replies.pop();
}

interface Start extends Partial<FetchOptions> {
  repository?: string;
  revision?: string;
  token?: string;
}

/** Starts of a worker against a hub with the tiny checkpoint; their pauses take no time. */
export class TestFetch implements AsyncDisposable {
  readonly hub: TestHub;
  /** The cache. */
  readonly root: string;
  readonly delays: number[] = [];
  readonly notes: string[] = [];
  readonly shown: Progress[] = [];
  #onShow: (progress: Progress) => void = () => undefined;

  private constructor(hub: TestHub, root: string) {
    this.hub = hub;
    this.root = root;
  }

  static async open(): Promise<TestFetch> {
    return new TestFetch(await TestHub.start(DENSE), await mkdtemp(join(tmpdir(), "hub-")));
  }

  /** One start. @returns the checkpoint's folder */
  start({ repository = REPOSITORY, revision = "main", token, ...options }: Start = {}) {
    return fetchCheckpoint(
      { repository, revision },
      {
        cacheFolder: this.root,
        hub: { endpoint: this.hub.endpoint, token },
        display: {
          intervalMs: 0,
          show: (progress) => {
            this.shown.push(progress);
            this.#onShow(progress);
          },
          note: (message) => this.notes.push(message),
          end: () => undefined,
        },
        sleep: (milliseconds) => Promise.resolve(this.delays.push(milliseconds)),
        ...options,
      },
    );
  }

  /** What a start says that fails. */
  async complaint(options: Start = {}): Promise<string> {
    const error: unknown = await this.start(options).catch((reason: unknown) => reason);
    if (!(error instanceof CheckpointError) || error.message.includes("\n")) {
      throw new Error("expected a CheckpointError of one line", { cause: error });
    }
    return error.message;
  }

  /** Replies to requests for the weights, at the host that has them. */
  onWeights(reply: Intercept): void {
    this.hub.intercept = (request) =>
      this.hub.isFor(WEIGHTS, request) ? reply(request) : undefined;
  }

  /** So many bytes of the weights, and a broken connection when they have arrived. */
  cutWeights(bytes: number): Reply {
    const weights = this.hub.fileOf(WEIGHTS);
    return (response, request) => {
      const missing = weights.length - rangeStart(request) - bytes;
      this.#onShow = ({ doneBytes, totalBytes }) => {
        if (totalBytes - doneBytes <= missing) {
          response.destroy();
        }
      };
      beginningOf(weights, bytes)(response, request);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await rm(this.root, { recursive: true });
  }
}
