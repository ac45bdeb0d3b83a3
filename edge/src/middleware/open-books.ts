import { createMiddleware } from "hono/factory";

import type { AppEnv } from "../env.ts";
import { REPLAYED_HEADER } from "../idempotency/idempotency-headers.ts";
import { createLogger } from "../observability/logger.ts";
import { RequestBooks } from "../usage/request-books.ts";
import type { Outcome } from "../usage/usage-records.ts";

/** What a completion's handlers find in the context beside what all do. */
export interface BookedEnv extends AppEnv {
  Variables: AppEnv["Variables"] & { books: RequestBooks };
}

const CLIENT_CLOSED_REQUEST = 499;

/** Opens a completion's books, and enters it if it comes to nothing before it is reserved. */
export const openBooks = createMiddleware<BookedEnv>(async (c, next) => {
  const { apiKey, requestId } = c.var;
  const books = new RequestBooks(c.env, apiKey, { requestId, logger: createLogger(c.env.LOG) });
  c.set("books", books);
  await next();
  const { status, headers } = c.res;
  if (status >= 400 && !books.isEntered && !headers.has(REPLAYED_HEADER)) {
    const recorded = books.recordUnserved(outcomeOf(status));
    c.executionCtx.waitUntil(recorded); // a client that has left ends what nobody waits for
    await recorded;
  }
});

function outcomeOf(status: number): Outcome {
  if (status === CLIENT_CLOSED_REQUEST) {
    return "cut_off";
  }
  return status < 500 ? "refused" : "failed";
}
