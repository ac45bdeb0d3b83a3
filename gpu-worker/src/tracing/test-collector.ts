import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";

import * as z from "zod";

import { listen } from "../server/test-calls.ts";

const Value = z.union([
  z.object({ stringValue: z.string() }).transform(({ stringValue }) => stringValue),
  z.object({ boolValue: z.boolean() }).transform(({ boolValue }) => boolValue),
  z.object({ intValue: z.number() }).transform(({ intValue }) => intValue),
  z.object({ doubleValue: z.number() }).transform(({ doubleValue }) => doubleValue),
  z
    .object({ arrayValue: z.object({ values: z.array(z.object({ stringValue: z.string() })) }) })
    .transform(({ arrayValue }) => arrayValue.values.map(({ stringValue }) => stringValue)),
]);

const Attributes = z
  .array(z.object({ key: z.string(), value: Value }))
  .transform((pairs) => Object.fromEntries(pairs.map(({ key, value }) => [key, value])));

const Export = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: Attributes }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              traceId: z.string(),
              parentSpanId: z.string().optional(),
              name: z.string(),
              kind: z.number(),
              attributes: Attributes,
              events: z.array(z.unknown()).optional(),
              status: z.object({ code: z.number(), message: z.string().optional() }),
            }),
          ),
        }),
      ),
    }),
  ),
});

export type ReceivedSpan = z.infer<
  typeof Export
>["resourceSpans"][number]["scopeSpans"][number]["spans"][number];

/** An OTLP collector on a free port, which keeps what it is sent. */
export class TestCollector {
  readonly spans: ReceivedSpan[] = [];
  readonly services: unknown[] = [];
  /** The bodies, to look for what must not be in them. */
  readonly bodies: string[] = [];
  readonly #server = createServer((request, response) => {
    void this.#take(request, response);
  });
  #port = 0;

  static async start(): Promise<TestCollector> {
    const collector = new TestCollector();
    collector.#port = await listen(collector.#server);
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/v1/traces`;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await json(request);
    this.bodies.push(JSON.stringify(body));
    for (const { resource, scopeSpans } of Export.parse(body).resourceSpans) {
      this.services.push(resource.attributes["service.name"]);
      this.spans.push(...scopeSpans.flatMap(({ spans }) => spans));
    }
    response.writeHead(200, { "Content-Type": "application/json" }).end("{}");
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
