import { describe, expect, it } from "vitest";
import * as z from "zod";

import { createApp } from "../../edge/src/app.ts";
import { scopeOfPath } from "../../edge/src/keys/scopes.ts";
import { send } from "./edge-client.ts";

const Document = z.object({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), z.object({ operationId: z.string() }))),
});

/** `GET /v1/models/{id}` of each route that the app serves; those of all methods are middleware and refusals. */
function servedRoutes(): string[] {
  const routes = createApp()
    .routes.filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(\{[^}]*\})?/g, "{$1}")}`);
  return [...new Set(routes)].toSorted();
}

describe("/openapi.json", () => {
  it("describes each route of the app, and no other", async () => {
    const answer = await send("/openapi.json");
    expect(answer.headers.get("Content-Type")).toBe("application/json");
    const { openapi, paths } = Document.parse(await answer.json());
    expect(openapi).toBe("3.1.0");
    const described = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.toSorted()).toEqual(servedRoutes());
  });

  it("belongs to an API of which each route of a key has a scope", () => {
    const paths = servedRoutes().map((route) => route.split(" ")[1] ?? "");
    const unscoped = paths.filter(
      (path) => path.startsWith("/v1/") && scopeOfPath(path) === undefined,
    );
    expect(unscoped).toEqual([]);
  });
});

describe("/docs", () => {
  it("shows each operation, without anything from elsewhere", async () => {
    const answer = await send("/docs");
    expect(answer.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("Content-Security-Policy")).toContain("default-src 'none'");
    const page = await answer.text();
    expect(page).toContain('<section id="createChatCompletion">');
    expect(page).toContain('<section id="schema-ChatCompletionRequest">');
    expect(page).not.toMatch(/<script|<link|<img| src=|url\(/);
    const elsewhere = [...page.matchAll(/ href="([^#][^"]*)"/g)].map(([, href]) => href);
    expect(elsewhere).toEqual(["/openapi.json"]);
  });
});
