/**
 * A receiver of webhooks. `/hook/NAME?answers=500,503:7,200` answers with these in turn, the last again
 * and again: a status, and after a colon what `Retry-After` says; `never` does not answer, `drips` ends
 * never, `breaks` hangs up. `GET /received/NAME` tells what came, in order.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

interface Received {
  headers: Record<string, string>;
  body: string;
}

export function receiveWebhooks(): RequestListener {
  const received = new Map<string, Received[]>();
  return (request, response) => {
    const url = new URL(request.url ?? "/", "http://fake");
    const [, place = "", name = ""] = url.pathname.split("/");
    const before = received.get(name) ?? [];
    if (place === "received") {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(JSON.stringify(before));
    } else {
      received.set(name, before);
      const answers = url.searchParams.get("answers")?.split(",") ?? [];
      void take(request, before, (number) =>
        answer(response, answers[number] ?? answers.at(-1) ?? "200"),
      );
    }
  };
}

/** @param respond is told how many came before */
async function take(
  request: IncomingMessage,
  before: Received[],
  respond: (number: number) => void,
): Promise<void> {
  const pairs = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
  const body = await text(request);
  respond(before.push({ headers: Object.fromEntries(pairs), body }) - 1);
}

function answer(response: ServerResponse, how: string): void {
  const [status = "", retryAfter] = how.split(":");
  if (status === "never") {
    return;
  }
  if (status === "breaks") {
    response.destroy();
  } else if (status === "drips") {
    response.writeHead(200);
    const timer = setInterval(() => response.write("."), 50);
    response.on("close", () => clearInterval(timer));
  } else {
    const isRedirect = status.startsWith("3");
    response.writeHead(Number(status), {
      ...(retryAfter === undefined ? {} : { "Retry-After": retryAfter }),
      ...(isRedirect ? { Location: "/hook/redirected" } : {}),
    });
    response.end(status === "204" || status === "304" ? undefined : "thanks");
  }
}
