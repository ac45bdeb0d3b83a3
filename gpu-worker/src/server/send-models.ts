import type { ServerResponse } from "node:http";

import { ApiError } from "@qwen3-vl/shared/errors";
import type { Model, ModelList } from "@qwen3-vl/shared/models";
import { MODELS_PATH } from "@qwen3-vl/shared/worker-protocol";

import { sendJson } from "./send-json.ts";

/** Answers `GET /v1/models` and, for a path below it, the model of that id. @throws ApiError where that is another one */
export function sendModels(response: ServerResponse, path: string, model: Model): void {
  if (path === MODELS_PATH) {
    sendJson(response, 200, { object: "list", data: [model] } satisfies ModelList);
    return;
  }
  const id = decodeURIComponentOr(path.slice(MODELS_PATH.length + 1), "");
  if (id !== model.id) {
    throw new ApiError("model_not_found", `The model ${JSON.stringify(id)} does not exist.`, {
      param: "model",
    });
  }
  sendJson(response, 200, model);
}

function decodeURIComponentOr(text: string, fallback: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return fallback;
  }
}
