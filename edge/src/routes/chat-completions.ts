import { mediaParts, parseChatRequest, urlsOf } from "@qwen3-vl/shared/chat";
import { TRACEPARENT_HEADER } from "@qwen3-vl/shared/traceparent";
import { Hono } from "hono";
import type { Context } from "hono";

import type { AppEnv } from "../env.ts";
import { readJson } from "../http/read-json.ts";
import { toGpuWorker } from "../inference/gpu-worker-client.ts";
import { runCompletion } from "../inference/run-completion.ts";
import type { CompletionEnding } from "../inference/run-completion.ts";
import { toWorkerRequest } from "../inference/worker-request.ts";
import { fetchPolicyOf, loadMedia } from "../media/load-media.ts";
import { openMediaLibrary } from "../media/media-library.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { untilSettled } from "../middleware/until-settled.ts";
import { createLogger } from "../observability/logger.ts";
import { insertUsageRecord } from "../usage/usage-records.ts";

/** `POST /v1/chat/completions`, streamed and not. */
export const chatCompletions = new Hono<AppEnv>()
  .post("/", async (c) => {
    const startedAt = Date.now();
    const client = c.req.raw.signal;
    const request = parseChatRequest(await readJson(c.req.raw));
    const worker = toGpuWorker(c.env.GPU_WORKER_URL, c.env.GPU_WORKER_SECRET);
    const urls = mediaParts(request).flatMap(urlsOf);
    const library = openMediaLibrary(c.env, c.var.apiKey);
    const loading = loadMedia(urls, fetchPolicyOf(c.env), client, library);
    const media = await untilSettled(c, loading);

    // The worker's ids are its keys, so they are never a client's choice.
    const id = crypto.randomUUID();
    const outgoing = await toWorkerRequest({ id, tenant: c.var.apiKey.tenant }, request, media);
    client.throwIfAborted();
    const logger = createLogger(c.env.LOG);
    const traceparent = c.req.header(TRACEPARENT_HEADER);
    const call = { worker, request: outgoing, traceparent, client, logger };
    const completion = runCompletion(call);
    const books = { id, model: request.model, startedAt };
    c.executionCtx.waitUntil(completion.ending.then((ending) => record(c, books, ending)));
    c.executionCtx.waitUntil(completion.ending.then(() => library?.release()));
    return completion.answer;
  })
  .all(methodNotAllowed("POST"));

interface Books {
  id: string;
  model: string;
  startedAt: number;
}

async function record(
  { env, var: { requestId, apiKey } }: Context<AppEnv>,
  books: Books,
  ending: CompletionEnding | undefined,
): Promise<void> {
  if (ending === undefined) {
    return;
  }
  const durationMs = Date.now() - books.startedAt;
  const usage = { ...books, ...ending, requestId, apiKeyId: apiKey.id, durationMs };
  const logger = createLogger(env.LOG);
  logger.info("completion_ended", usage);
  try {
    await insertUsageRecord(env.DB, usage);
  } catch (cause) {
    logger.error("usage_not_recorded", { ...usage, cause });
  }
}
