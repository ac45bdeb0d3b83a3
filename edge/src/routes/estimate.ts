import { mediaParts, parseChatRequest, urlsOf } from "@qwen3-vl/shared/chat";
import { ESTIMATE_PATH } from "@qwen3-vl/shared/worker-protocol";
import { Hono } from "hono";

import type { AppEnv } from "../env.ts";
import { readJson } from "../http/read-json.ts";
import { callGpuWorker, toGpuWorker } from "../inference/gpu-worker-client.ts";
import { toClientAnswer } from "../inference/worker-answer.ts";
import { toWorkerRequest } from "../inference/worker-request.ts";
import { assertModelAllowed } from "../keys/scopes.ts";
import { fetchPolicyOf, loadMedia } from "../media/load-media.ts";
import { openMediaLibrary } from "../media/media-library.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { untilSettled } from "../middleware/until-settled.ts";

/** `POST /v1/chat/completions/estimate`: the exact prompt tokens of a request, without running the model. */
export const estimate = new Hono<AppEnv>()
  .post("/", async (c) => {
    const { signal } = c.req.raw;
    const request = parseChatRequest(await readJson(c.req.raw));
    assertModelAllowed(c.var.apiKey.scopes, request.model);
    const worker = toGpuWorker(c.env.GPU_WORKER_URL, c.env.GPU_WORKER_SECRET);
    const urls = mediaParts(request).flatMap(urlsOf);
    const library = openMediaLibrary(c.env, c.var.apiKey);
    const loading = loadMedia(urls, fetchPolicyOf(c.env), signal, library);
    const media = await untilSettled(c, loading);
    const origin = { id: crypto.randomUUID(), tenant: c.var.apiKey.tenant };
    const outgoing = await toWorkerRequest(origin, request, media);
    const call = { ...outgoing, method: "POST", path: ESTIMATE_PATH, signal } as const;
    const answer = await callGpuWorker(worker, call).finally(() =>
      c.executionCtx.waitUntil(library?.release() ?? Promise.resolve()),
    );
    return toClientAnswer(answer, answer.body);
  })
  .all(methodNotAllowed("POST"));
