import type { Tracer } from "@opentelemetry/api";
import type { ChatCompletion } from "@qwen3-vl/shared/chat-completion";

import type { Admission } from "../engine/admission.ts";
import type { Job } from "../jobs/job.ts";
import { RequestTimer } from "../metrics/request-timer.ts";
import type { WorkerFigures } from "../metrics/worker-figures.ts";
import { CompletionSpan } from "../tracing/completion-span.ts";
import { wholeCompletion } from "./answer-writer.ts";
import type { Completions } from "./completions.ts";

export interface JobCompletionOptions {
  completions: Completions;
  admission: Admission;
  figures: WorkerFigures;
  tracer: Tracer;
}

/**
 * The whole completion of a job, timed and traced from when it runs. It takes none of the places of
 * requests that somebody waits for.
 */
export async function completeJob(
  { completions, admission, figures, tracer }: JobCompletionOptions,
  { request: job, live, call }: Pick<Job, "request" | "live" | "call">,
): Promise<ChatCompletion> {
  const timer = new RequestTimer(figures);
  const span = new CompletionSpan(tracer, call.traceparent);
  span.follow({ live, timer });
  const enter = (choices: number) => {
    admission.assertPossible(choices);
    return NO_PLACES;
  };
  const workerRequest = { ...job, body: notStreamed(job.body) };
  try {
    return await completions.gather({ workerRequest, inBody: new Map(), live }, (gathered) =>
      completions.answer(gathered, { span, timer, enter }, wholeCompletion),
    );
  } catch (error) {
    span.fail(error);
    throw error;
  } finally {
    span.end();
  }
}

const NO_PLACES: Disposable = { [Symbol.dispose]: () => undefined };

function notStreamed(body: unknown): unknown {
  return typeof body === "object" && body !== null
    ? { ...body, stream: false, stream_options: null }
    : body;
}
