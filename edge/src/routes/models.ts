import { ApiError } from "@qwen3-vl/shared/errors";
import { ModelList } from "@qwen3-vl/shared/models";
import { MODELS_PATH } from "@qwen3-vl/shared/worker-protocol";
import { Hono } from "hono";
import type { Context } from "hono";

import { sendToBackend } from "../backends/send-to-backend.ts";
import type { AppEnv } from "../env.ts";
import { callHeaders } from "../inference/call-headers.ts";
import { toClientAnswer } from "../inference/worker-answer.ts";
import { assertModelAllowed, isModelAllowed } from "../keys/scopes.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { backendAccess } from "./backend-access.ts";

/** Hugging Face ids have a slash; a dot never comes first, so no id is a relative path. */
const MODEL_ID = /^\w[\w./:@-]{0,255}$/;

/** `GET /v1/models` and `GET /v1/models/{id}`: the GPU worker knows what it runs, the key what it may use. */
export const models = new Hono<AppEnv>()
  .get("/", async (c) => {
    const { scopes } = c.var.apiKey;
    const answer = await relay(c, MODELS_PATH);
    if (scopes.models === undefined || !answer.ok) {
      return answer;
    }
    const list = ModelList.parse(await answer.json());
    return c.json({ ...list, data: list.data.filter(({ id }) => isModelAllowed(scopes, id)) });
  })
  .get("/:id{.+}", (c) => {
    const id = c.req.param("id");
    if (!MODEL_ID.test(id)) {
      throw new ApiError("model_not_found", "There is no such model.", { param: "model" });
    }
    assertModelAllowed(c.var.apiKey.scopes, id);
    return relay(c, `${MODELS_PATH}/${encodeURIComponent(id)}`);
  })
  .all("/", methodNotAllowed("GET"))
  .all("/:id{.+}", methodNotAllowed("GET"));

async function relay(c: Context<AppEnv>, path: string): Promise<Response> {
  const { signal } = c.req.raw;
  const sent = await sendToBackend({
    ...backendAccess(c),
    conversation: path,
    call: { method: "GET", path, headers: callHeaders(c.var), signal },
  });
  sent.leave();
  return toClientAnswer(sent.response, sent.response.body);
}
