import {
  TRACEPARENT_HEADER,
  TRACESTATE_HEADER,
  formatTraceparent,
  parseTraceparent,
} from "@qwen3-vl/shared/traceparent";
import type { TraceParent } from "@qwen3-vl/shared/traceparent";

/** The edge's own span of a request. */
export interface TraceContext extends TraceParent {
  /** The client's span. */
  parentSpanId?: string;
  tracestate?: string;
}

/** A new trace is recorded: its client has not said that it must not be. */
const RECORDED = 1;

/** The standard asks to pass on at least so much: https://www.w3.org/TR/trace-context/#tracestate-limits */
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

/** Continues the client's trace where its `traceparent` is well-formed, else begins one. */
export function traceContextOf(
  headers: Headers,
  randomHex: (bytes: number) => string = hexOfRandom,
): TraceContext {
  const spanId = randomHex(8);
  const parent = parseTraceparent(headers.get(TRACEPARENT_HEADER) ?? undefined);
  if (parent === undefined) {
    return { traceId: randomHex(16), spanId, flags: RECORDED };
  }
  const { traceId, flags, spanId: parentSpanId } = parent;
  const tracestate = headers.get(TRACESTATE_HEADER) ?? "";
  return {
    traceId,
    spanId,
    flags,
    parentSpanId,
    ...(TRACESTATE.test(tracestate) ? { tracestate } : {}),
  };
}

/** The headers by which whoever is called continues the trace. */
export function traceHeaders(trace: TraceContext): Record<string, string> {
  const { tracestate } = trace;
  return {
    [TRACEPARENT_HEADER]: formatTraceparent(trace),
    ...(tracestate === undefined ? {} : { [TRACESTATE_HEADER]: tracestate }),
  };
}

/** Of a random UUID, which is one call; its last 16 digits are random but for two bits. Never all zeros. */
function hexOfRandom(bytes: number): string {
  return crypto
    .randomUUID()
    .replaceAll("-", "")
    .slice(-2 * bytes);
}
