import type { Logger } from "./logger.ts";
import type { RequestNotes } from "./request-notes.ts";
import type { TraceContext } from "./trace-context.ts";

/** A request that has ended, as its one line in the log tells it. */
export interface RequestLine {
  requestId: string;
  trace: TraceContext;
  method: string;
  /** The route's pattern, never the path. */
  route: string;
  status: number;
  /** From its arrival to its answer's headers, and to its end. */
  headersMs: number;
  totalMs: number;
  /** Public id of the API key. */
  keyId: string | undefined;
  notes: RequestNotes;
}

/** Fields of the line; those that are undefined are left out by JSON. */
export function lineFields({ trace, notes, ...line }: RequestLine): Record<string, unknown> {
  const { traceId, spanId, parentSpanId } = trace;
  const { counts, ended: _, ...noted } = notes;
  return { ...line, traceId, spanId, parentSpanId, ...noted, tokens: counts };
}

/** Our own failures are errors, answers that broke off warnings, refusals and the rest plain information. */
export function levelOf({ status, notes }: Pick<RequestLine, "status" | "notes">): keyof Logger {
  if (status >= 500) {
    return "error";
  }
  return notes.outcome === "failed" && status < 400 ? "warn" : "info";
}
