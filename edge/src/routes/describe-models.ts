import { Model, ModelList } from "@qwen3-vl/shared/models";

import type { RouteDescription } from "../openapi/route-description.ts";

const shared = { method: "get", tag: "Models", access: "api_key" } as const;

export const describeModels: readonly RouteDescription[] = [
  {
    ...shared,
    path: "/v1/models",
    id: "listModels",
    summary: "List the models that the key may use",
    answer: {
      notes: "The models.",
      contents: { "application/json": { name: "ModelList", schema: ModelList } },
    },
    errors: ["overloaded"],
  },
  {
    ...shared,
    path: "/v1/models/{id}",
    id: "getModel",
    summary: "Show a model",
    pathParameters: { id: "The model's id, which may have a slash." },
    answer: {
      notes: "The model.",
      contents: { "application/json": { name: "Model", schema: Model } },
    },
    errors: ["model_not_found", "overloaded"],
  },
];
