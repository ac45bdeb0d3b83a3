import { ApiError } from "@qwen3-vl/shared/errors";

import type { KeyScopes, ScopeRoute } from "./key-settings.ts";

/** Which group of routes a path belongs to: it, and everything below it. */
const ROUTES_BELOW: Readonly<Record<string, ScopeRoute>> = {
  "/v1/chat": "chat",
  "/v1/models": "models",
  "/v1/files": "files",
  "/v1/uploads": "uploads",
  "/v1/jobs": "jobs",
  "/v1/webhook_endpoints": "webhooks",
  "/v1/webhook_deliveries": "webhooks",
  "/v1/usage": "usage",
};

export function scopeOfPath(path: string): ScopeRoute | undefined {
  return ROUTES_BELOW[path.split("/", 3).join("/")];
}

/**
 * A path that is in no group is left to the router, which has no route there.
 *
 * @throws ApiError `permission_denied` that names the group that is missing
 */
export function assertRouteAllowed({ routes }: KeyScopes, path: string): void {
  const scope = scopeOfPath(path);
  if (routes !== undefined && scope !== undefined && !routes.includes(scope)) {
    throw new ApiError(
      "permission_denied",
      `This API key lacks the scope "${scope}"; it has ${listOf(routes)}.`,
    );
  }
}

export function isModelAllowed({ models }: KeyScopes, model: string): boolean {
  return models === undefined || models.includes(model);
}

/**
 * As OpenAI has it, a model that a key may not use does not exist for it.
 *
 * @throws ApiError `model_not_found`
 */
export function assertModelAllowed(scopes: KeyScopes, model: string): void {
  if (!isModelAllowed(scopes, model)) {
    throw new ApiError(
      "model_not_found",
      `The model ${JSON.stringify(model)} does not exist or this API key has no access to it.`,
      { param: "model" },
    );
  }
}

function listOf(routes: readonly ScopeRoute[]): string {
  return routes.length === 0 ? "none" : routes.map((route) => `"${route}"`).join(", ");
}
