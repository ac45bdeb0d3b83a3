import { mediaParts, parseChatRequest, urlsOf } from "@qwen3-vl/shared/chat";
import { Hono } from "hono";
import type { Context } from "hono";

import type { AppEnv } from "../env.ts";
import { readJson } from "../http/read-json.ts";
import { callHeaders } from "../inference/call-headers.ts";
import { runCompletion } from "../inference/run-completion.ts";
import type { CompletionEnding } from "../inference/run-completion.ts";
import { toWorkerRequest } from "../inference/worker-request.ts";
import { loadMedia } from "../media/load-media.ts";
import { mediaFetchingOf, shareOutUrls } from "../media/media-fetching.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { createLogger } from "../observability/logger.ts";
import { insertUsageRecord } from "../usage/usage-records.ts";
import { backendAccess } from "./backend-access.ts";

/** `POST /v1/chat/completions`, streamed and not. */
export const chatCompletions = new Hono<AppEnv>()
  .post("/", async (c) => {
    const startedAt = Date.now();
    const client = c.req.raw.signal;
    const request = parseChatRequest(await readJson(c.req.raw));
    const access = backendAccess(c);
    const urls = mediaParts(request).flatMap(urlsOf);
    const fetching = mediaFetchingOf(c.env, c.var.apiKey.mediaHosts);
    const { here, there } = shareOutUrls(urls, fetching);
    const media = await loadMedia(here, fetching.policy, client);

    // The worker's ids are its keys, so they are never a client's choice.
    const id = crypto.randomUUID();
    const origin = { id, tenant: c.var.apiKey.tenant, ...there };
    const outgoing = await toWorkerRequest(origin, request, media);
    client.throwIfAborted();
    const logger = createLogger(c.env.LOG);
    const completion = runCompletion({
      ...access,
      request: outgoing,
      isStreamed: request.stream,
      headers: callHeaders(c.var),
      client,
      logger,
    });
    const books = { id, model: request.model, startedAt };
    const { notes } = c.var;
    notes.workerRequestId = id;
    notes.model = request.model;
    notes.mediaBytes = media.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    notes.ended = completion.ending.then((ending) => record(c, books, ending));
    c.executionCtx.waitUntil(notes.ended); // before the answer: a client that leaves ends the rest
    return completion.answer;
  })
  .all(methodNotAllowed("POST"));

interface Books {
  id: string;
  model: string;
  startedAt: number;
}

async function record(
  { env, var: { requestId, apiKey, notes } }: Context<AppEnv>,
  books: Books,
  ending: CompletionEnding | undefined,
): Promise<void> {
  if (ending === undefined) {
    return;
  }
  const { worker, ...told } = ending;
  Object.assign(notes, told, { worker: worker.url.host });
  const durationMs = Date.now() - books.startedAt;
  const usage = { ...books, ...told, requestId, apiKeyId: apiKey.id, durationMs };
  try {
    await insertUsageRecord(env.DB, usage);
  } catch (cause) {
    createLogger(env.LOG).error("usage_not_recorded", { ...usage, cause });
  }
}
