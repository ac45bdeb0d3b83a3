import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

import { SIGNATURE_HEADER, verifyCall } from "@qwen3-vl/shared/signature";
import { JobReport } from "@qwen3-vl/shared/worker-jobs";

import { listen } from "../server/test-calls.ts";
import { SECRET } from "../server/test-worker.ts";
import type { ReportPace } from "./report-pace.ts";

/** Answers a report; 200 where it is not said. */
export type Receive = (response: ServerResponse, report: JobReport) => void;

interface Waiting {
  matches: (report: JobReport) => boolean;
  resolve: (report: JobReport) => void;
}

/** Of tests that wait for what happens, not for how long it takes. */
export const QUICK_PACE: ReportPace = {
  minGapMs: 5,
  heartbeatMs: 50,
  timeoutMs: 15_000,
  firstRetryMs: 1,
  maxRetryMs: 10,
  persistMs: 60_000,
};

/** Takes reports of jobs over HTTP, as an edge does. */
export class TestReceiver implements AsyncDisposable {
  /** All whose signature was right, in the order of their coming. */
  readonly reports: JobReport[] = [];
  receive: Receive = (response) => response.end();
  /** Reports that are being answered, and the most that ever were. */
  open = 0;
  mostOpen = 0;
  unsigned = 0;
  readonly #waiting = new Set<Waiting>();
  #server: Server | undefined;
  #port = 0;

  static async start(): Promise<TestReceiver> {
    const receiver = new TestReceiver();
    await receiver.start();
    return receiver;
  }

  /** Again at the same port, after `stop`. */
  async start(): Promise<void> {
    this.#server = createServer((incoming, response) => {
      void this.#take(incoming, response);
    });
    this.#port = await listen(this.#server, this.#port);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/internal/jobs/j/reports`;
  }

  get last(): JobReport | undefined {
    return this.reports.at(-1);
  }

  /** The first report of such a kind, once it is there. */
  first(matches: (report: JobReport) => boolean): Promise<JobReport> {
    const found = this.reports.find(matches);
    return found === undefined
      ? new Promise((resolve) => this.#waiting.add({ matches, resolve }))
      : Promise.resolve(found);
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await Promise.resolve();
  }

  async #take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    response.on("close", () => this.open--);
    const content = await text(incoming).catch(() => "");
    const { method = "", url: path = "", headers } = incoming;
    const header = headers[SIGNATURE_HEADER.toLowerCase()]?.toString();
    try {
      await verifyCall(SECRET, { method, path, content }, header, new Date());
    } catch {
      this.unsigned++;
      response.writeHead(401).end();
      return;
    }
    const report = JobReport.parse(JSON.parse(content));
    this.reports.push(report);
    for (const waiting of this.#waiting) {
      if (waiting.matches(report)) {
        waiting.resolve(report);
        this.#waiting.delete(waiting);
      }
    }
    this.receive(response, report);
  }
}
