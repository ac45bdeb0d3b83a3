import { readAway } from "@qwen3-vl/shared/read-away";
import { SIGNATURE_HEADER, signCall } from "@qwen3-vl/shared/signature";
import type { JobReport } from "@qwen3-vl/shared/worker-jobs";

/** `gone`: nobody wants to hear of this job. */
export type ReportOutcome = "taken" | "gone" | "failed";

export interface ReportAddress {
  url: string;
  secret: string;
  timeoutMs: number;
}

/** Sends a report, signed as calls to workers are; never rejects. */
export async function postReport(
  report: JobReport,
  { url, secret, timeoutMs }: ReportAddress,
  signal: AbortSignal,
): Promise<ReportOutcome> {
  const content = JSON.stringify(report);
  const call = { method: "POST", path: new URL(url).pathname, content };
  using limit = new CallLimit(timeoutMs, signal);
  try {
    const response = await fetch(url, {
      method: call.method,
      body: content,
      headers: {
        "Content-Type": "application/json",
        [SIGNATURE_HEADER]: await signCall(secret, call, new Date()),
      },
      redirect: "manual", // who is told is signed for: nobody else is
      signal: limit.signal,
    });
    await readAway(response.body).catch(() => undefined); // the status has said it
    return outcomeOf(response.status);
  } catch {
    return "failed";
  }
}

function outcomeOf(status: number): ReportOutcome {
  if (status >= 200 && status < 300) {
    return "taken";
  }
  return status === 404 || status === 410 ? "gone" : "failed";
}

/** Aborts after a time or when another signal does, and leaves nothing behind on a signal that outlives many calls. */
class CallLimit implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal;
  readonly #abort = () => this.#controller.abort();

  constructor(timeoutMs: number, outer: AbortSignal) {
    this.#outer = outer;
    this.#timer = setTimeout(this.#abort, timeoutMs);
    outer.addEventListener("abort", this.#abort, { once: true });
    if (outer.aborted) {
      this.#abort();
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#abort);
  }
}
