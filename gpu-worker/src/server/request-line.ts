import type { IncomingMessage, ServerResponse } from "node:http";

import { TRACEPARENT_HEADER, parseTraceparent } from "@qwen3-vl/shared/traceparent";
import { HEALTH_PATH, REQUEST_ID_HEADER } from "@qwen3-vl/shared/worker-protocol";

import type { Logger } from "../log.ts";
import { METRICS_PATH } from "../metrics/metrics.ts";

/** What asks every few seconds would drown the rest. */
const PROBES: ReadonlySet<string> = new Set(["/health", "/ready", HEALTH_PATH, METRICS_PATH]);

/** The caller is not known yet when the line is written: other values are not put into a log. */
const REQUEST_ID = /^[\w-]{1,64}$/;

/** Writes one line when the answer has ended or its connection has; the ids are those of the edge's own line. */
export function logWhenEnded(
  logger: Logger,
  { headers, method, url }: IncomingMessage,
  response: ServerResponse,
): void {
  const begun = performance.now();
  const path = (url ?? "/").split("?", 1)[0] ?? "/";
  const requestId = headers[REQUEST_ID_HEADER.toLowerCase()]?.toString() ?? "";
  const traceparent = headers[TRACEPARENT_HEADER];
  response.once("close", () => {
    const line = {
      requestId: REQUEST_ID.test(requestId) ? requestId : undefined,
      traceId: parseTraceparent(traceparent?.toString())?.traceId,
      method,
      path: path.slice(0, MAX_SHOWN_PATH),
      status: response.statusCode,
      ms: Math.round(performance.now() - begun),
      wasCutOff: !response.writableFinished,
    };
    logger[PROBES.has(path) ? "debug" : "info"]("request", line);
  });
}

const MAX_SHOWN_PATH = 200;
