import { mediaParts, parseChatRequest, urlsOf } from "@qwen3-vl/shared/chat";
import { Hono } from "hono";

import type { AppEnv } from "../env.ts";
import { readJson } from "../http/read-json.ts";
import { callHeaders } from "../inference/call-headers.ts";
import { runCompletion } from "../inference/run-completion.ts";
import type { CompletionEnding } from "../inference/run-completion.ts";
import { toWorkerRequest } from "../inference/worker-request.ts";
import { assertModelAllowed } from "../keys/scopes.ts";
import { estimateAmounts } from "../limits/estimate-amounts.ts";
import { loadMedia } from "../media/load-media.ts";
import type { LoadedMedium } from "../media/load-media.ts";
import { mediaFetchingOf, shareOutUrls } from "../media/media-fetching.ts";
import { openMediaLibrary } from "../media/media-library.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { idempotent } from "../middleware/idempotent.ts";
import { openBooks } from "../middleware/open-books.ts";
import { untilSettled } from "../middleware/until-settled.ts";
import { createLogger } from "../observability/logger.ts";
import type { RequestBooks } from "../usage/request-books.ts";
import { backendAccess } from "./backend-access.ts";

/** `POST /v1/chat/completions`, streamed and not. */
export const chatCompletions = new Hono<AppEnv>()
  .post("/", openBooks, idempotent, async (c) => {
    const { books, apiKey, notes } = c.var;
    const unheld = new AbortController();
    const client = AbortSignal.any([c.req.raw.signal, unheld.signal]);
    const request = parseChatRequest(await readJson(c.req.raw));
    books.model = request.model;
    notes.model = request.model;
    assertModelAllowed(apiKey.scopes, request.model);
    const access = backendAccess(c);
    const fetching = mediaFetchingOf(c.env, apiKey.mediaHosts);
    const { here, there } = shareOutUrls(mediaParts(request).flatMap(urlsOf), fetching);
    const library = openMediaLibrary(c.env, apiKey);
    const media = await untilSettled(c, loadMedia(here, fetching.policy, client, library));
    const settle = async ({ worker, ...ending }: CompletionEnding): Promise<void> => {
      Object.assign(notes, ending, { worker: worker?.url.host });
      await Promise.all([books.settle(ending), library?.release()]);
    };
    try {
      const origin = { id: books.id, tenant: apiKey.tenant, ...there };
      const outgoing = await toWorkerRequest(origin, request, media);
      client.throwIfAborted();
      await books.reserve(estimateAmounts(request, media));
      const completion = runCompletion({
        ...access,
        request: outgoing,
        isStreamed: request.stream,
        headers: callHeaders(c.var),
        client,
        logger: createLogger(c.env.LOG),
      });
      notes.workerRequestId = books.id;
      notes.mediaBytes = media.reduce((sum, medium) => sum + mediumBytes(medium), 0);
      notes.ended = completion.ending.then(settle);
      c.executionCtx.waitUntil(notes.ended); // before the answer: a client that leaves ends the rest
      return await onceHeld(completion.answer, books, unheld);
    } catch (error) {
      c.executionCtx.waitUntil(library?.release() ?? Promise.resolve());
      throw error;
    }
  })
  .all(methodNotAllowed("POST"));

/**
 * The answer, once the reservation is written down, which is done while the GPU worker reads.
 *
 * @param unheld ends the request when that fails
 */
async function onceHeld(
  answering: Promise<Response>,
  books: RequestBooks,
  unheld: AbortController,
): Promise<Response> {
  const held = books.held.catch((error: unknown) => unheld.abort(error));
  const [answer] = await Promise.allSettled([answering, held]);
  unheld.signal.throwIfAborted();
  if (answer.status === "rejected") {
    throw answer.reason;
  }
  return answer.value;
}

const mediumBytes = (medium: LoadedMedium) =>
  "bytes" in medium ? medium.bytes.byteLength : medium.link.bytes;
