import { REQUEST_ID_HEADER } from "@qwen3-vl/shared/worker-protocol";

import { traceHeaders } from "../observability/trace-context.ts";
import type { TraceContext } from "../observability/trace-context.ts";

/** By which a GPU worker tells in its log and its spans which request of a client a call belongs to. */
export function callHeaders({
  requestId,
  trace,
}: {
  requestId: string;
  trace: TraceContext;
}): Record<string, string> {
  return { [REQUEST_ID_HEADER]: requestId, ...traceHeaders(trace) };
}
