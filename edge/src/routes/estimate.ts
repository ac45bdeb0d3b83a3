import { mediaParts, parseChatRequest, urlsOf } from "@qwen3-vl/shared/chat";
import { ESTIMATE_PATH } from "@qwen3-vl/shared/worker-protocol";
import { Hono } from "hono";

import { sendToBackend } from "../backends/send-to-backend.ts";
import type { AppEnv } from "../env.ts";
import { readJson } from "../http/read-json.ts";
import { callHeaders } from "../inference/call-headers.ts";
import { toClientAnswer } from "../inference/worker-answer.ts";
import { toWorkerRequest } from "../inference/worker-request.ts";
import { assertModelAllowed } from "../keys/scopes.ts";
import { loadMedia } from "../media/load-media.ts";
import { mediaFetchingOf, shareOutUrls } from "../media/media-fetching.ts";
import { openMediaLibrary } from "../media/media-library.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { untilSettled } from "../middleware/until-settled.ts";
import { backendAccess } from "./backend-access.ts";

/** `POST /v1/chat/completions/estimate`: the exact prompt tokens of a request, without running the model. */
export const estimate = new Hono<AppEnv>()
  .post("/", async (c) => {
    const { signal } = c.req.raw;
    const request = parseChatRequest(await readJson(c.req.raw));
    const { apiKey } = c.var;
    assertModelAllowed(apiKey.scopes, request.model);
    const fetching = mediaFetchingOf(c.env, apiKey.mediaHosts);
    const { here, there } = shareOutUrls(mediaParts(request).flatMap(urlsOf), fetching);
    const library = openMediaLibrary(c.env, apiKey);
    const media = await untilSettled(c, loadMedia(here, fetching.policy, signal, library));
    const origin = { id: crypto.randomUUID(), tenant: apiKey.tenant, ...there };
    const { conversation, ...outgoing } = await toWorkerRequest(origin, request, media);
    const headers = callHeaders(c.var);
    const sent = await sendToBackend({
      ...backendAccess(c),
      conversation,
      call: { ...outgoing, method: "POST", path: ESTIMATE_PATH, headers, signal },
    }).finally(() => c.executionCtx.waitUntil(library?.release() ?? Promise.resolve()));
    sent.leave();
    return toClientAnswer(sent.response, sent.response.body);
  })
  .all(methodNotAllowed("POST"));
