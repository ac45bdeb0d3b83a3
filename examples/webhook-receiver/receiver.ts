/**
 * Receives webhooks: verifies, notes the event in an inbox, answers, and only then is the work done.
 * Copy it together with `inbox.ts`; it needs the package `standardwebhooks`, or `openai` instead.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

import type { Inbox } from "./inbox.ts";

/**
 * The event of a body whose signature is right.
 *
 * @throws what the package throws for a wrong signature, or one that is older than five minutes
 */
export type Verify = (body: string, headers: Record<string, string>) => unknown;

export interface ReceiverOptions {
  verify: Verify;
  inbox: Inbox;
  /** There is something new in the inbox. */
  onArrival: () => void;
}

/** The largest event, with the payload `full`, and some more. */
const MAX_BODY_BYTES = 10 * 2 ** 20;

export function receiveWebhooks(options: ReceiverOptions): RequestListener {
  return (request, response) => {
    respond(request, options).then(
      (status) => end(response, status),
      () => end(response, 500), // not noted: it will be sent again
    );
  };
}

async function respond(request: IncomingMessage, options: ReceiverOptions): Promise<number> {
  if (request.method !== "POST") {
    return 405;
  }
  const body = await readBody(request);
  if (body === undefined) {
    return 413;
  }
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  );
  try {
    await options.verify(body, headers); // the body as it came: parsed and written again, it differs
  } catch {
    return 400;
  }
  // A repeat is answered like the first, or it would be sent again and again.
  if (options.inbox.add(headers["webhook-id"] ?? "", body)) {
    options.onArrival();
  }
  return 204;
}

/** Undefined where it is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > MAX_BODY_BYTES) {
      return undefined;
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, status === 413 ? { Connection: "close" } : {});
  response.end();
}
