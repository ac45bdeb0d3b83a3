import { mediaParts, parseChatRequest, urlsOf } from "@qwen3-vl/shared/chat";
import { TRACEPARENT_HEADER } from "@qwen3-vl/shared/traceparent";
import { Hono } from "hono";

import type { AppEnv } from "../env.ts";
import { readJson } from "../http/read-json.ts";
import { toGpuWorker } from "../inference/gpu-worker-client.ts";
import { runCompletion } from "../inference/run-completion.ts";
import { toWorkerRequest } from "../inference/worker-request.ts";
import { estimateAmounts } from "../limits/estimate-amounts.ts";
import { fetchPolicyOf, loadMedia } from "../media/load-media.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { idempotent } from "../middleware/idempotent.ts";
import { openBooks } from "../middleware/open-books.ts";
import { createLogger } from "../observability/logger.ts";

/** `POST /v1/chat/completions`, streamed and not. */
export const chatCompletions = new Hono<AppEnv>()
  .post("/", openBooks, idempotent, async (c) => {
    const { books, apiKey } = c.var;
    const unheld = new AbortController();
    const client = AbortSignal.any([c.req.raw.signal, unheld.signal]);
    const request = parseChatRequest(await readJson(c.req.raw));
    books.model = request.model;
    const worker = toGpuWorker(c.env.GPU_WORKER_URL, c.env.GPU_WORKER_SECRET);
    const urls = mediaParts(request).flatMap(urlsOf);
    const media = await loadMedia(urls, fetchPolicyOf(c.env), client);
    const origin = { id: books.id, tenant: apiKey.tenant };
    const outgoing = await toWorkerRequest(origin, request, media);
    client.throwIfAborted();
    await books.reserve(estimateAmounts(request, media));
    const logger = createLogger(c.env.LOG);
    const traceparent = c.req.header(TRACEPARENT_HEADER);
    const call = { worker, request: outgoing, traceparent, client, logger };
    const completion = runCompletion(call);
    c.executionCtx.waitUntil(completion.ending.then((ending) => books.settle(ending)));
    // The books are written while the GPU worker reads, and before the client is told anything.
    const held = books.held.catch((error: unknown) => unheld.abort(error));
    const [answer] = await Promise.allSettled([completion.answer, held]);
    unheld.signal.throwIfAborted();
    if (answer.status === "rejected") {
      throw answer.reason;
    }
    return answer.value;
  })
  .all(methodNotAllowed("POST"));
