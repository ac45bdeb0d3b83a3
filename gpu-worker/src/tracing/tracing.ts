import { setTimeout as delay } from "node:timers/promises";

import { DiagLogLevel, ProxyTracerProvider, diag } from "@opentelemetry/api";
import type { Tracer } from "@opentelemetry/api";

import type { Logger } from "../log.ts";

/** Where spans go. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Sends what is left, unless the collector keeps it waiting. */
  close: () => Promise<void>;
}

const NAME = "qwen3-vl-gpu-worker";

/** What a collector that does not answer may cost at the end: `npm start` is done within 2 s. */
const CLOSE_MS = 1000;

/**
 * Begins to send spans as OTLP's JSON, in batches; without a URL all spans are no-ops and the SDK is
 * not even loaded. Of the environment, the exporter itself reads `OTEL_EXPORTER_OTLP_HEADERS`.
 *
 * @param url of the collector's traces
 */
export async function startTracing(url: string | undefined, logger: Logger): Promise<Tracing> {
  if (url === undefined) {
    return {
      tracer: new ProxyTracerProvider().getTracer(NAME),
      close: () => Promise.resolve(),
    };
  }
  const [{ OTLPTraceExporter }, { resourceFromAttributes }, sdk] = await Promise.all([
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
    import("@opentelemetry/sdk-trace"),
  ]);
  tellFailures(logger);
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ "service.name": NAME }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.AlwaysOnSampler() }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url }) })],
  });
  const close = async () => {
    const waiting = new AbortController();
    const timeout = delay(CLOSE_MS, undefined, { signal: waiting.signal }).catch(() => undefined);
    await Promise.race([provider.shutdown().catch(() => undefined), timeout]);
    waiting.abort();
  };
  return { tracer: provider.getTracer(NAME), close };
}

const ignore = () => undefined;

/** A collector that is down costs lines in the log, never an answer. */
function tellFailures(logger: Logger): void {
  const warn = (message: string) => logger.warn("spans not sent", { message });
  diag.setLogger(
    { error: warn, warn, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
