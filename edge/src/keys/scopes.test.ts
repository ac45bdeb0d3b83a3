import { ApiError } from "@qwen3-vl/shared/errors";
import { describe, expect, it } from "vitest";

import { assertModelAllowed, assertRouteAllowed, scopeOfPath } from "./scopes.ts";

describe("a key's scopes", () => {
  it.each([
    ["/v1/chat/completions", "chat"],
    ["/v1/chat/completions/estimate", "chat"],
    ["/v1/models", "models"],
    ["/v1/models/Qwen/Qwen3-VL", "models"],
    ["/v1/files/file-1/content", "files"],
    ["/v1/uploads/upload_1/parts", "uploads"],
    ["/v1/usage", "usage"],
    ["/v1/webhook_endpoints/we_1/rotate_secret", "webhooks"],
    ["/v1/webhook_deliveries", "webhooks"],
    ["/v1/modelsx", undefined],
    ["/v1/nothing", undefined],
    ["/health", undefined],
  ])("put %s into the group %s", (path, scope) => {
    expect(scopeOfPath(path)).toBe(scope);
  });

  it("let everything pass where nothing is said, and nothing where the list is empty", () => {
    expect(() => assertRouteAllowed({}, "/v1/files")).not.toThrow();
    expect(() => assertRouteAllowed({ routes: ["files"] }, "/v1/files/file-1")).not.toThrow();
    expect(() => assertRouteAllowed({ routes: [] }, "/v1/files")).toThrow("it has none");
  });

  it("name the group that is missing", () => {
    expect(() => assertRouteAllowed({ routes: ["chat", "models"] }, "/v1/files")).toThrow(
      new ApiError(
        "permission_denied",
        'This API key lacks the scope "files"; it has "chat", "models".',
      ),
    );
  });

  it("hide other models than their own", () => {
    expect(() => assertModelAllowed({}, "a")).not.toThrow();
    expect(() => assertModelAllowed({ models: ["a"] }, "a")).not.toThrow();
    expect(() => assertModelAllowed({ models: ["a"] }, "b")).toThrow(
      'The model "b" does not exist',
    );
  });
});
