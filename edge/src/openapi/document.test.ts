import { describe, expect, it } from "vitest";
import * as z from "zod";

import { RATE_LIMIT_HEADERS } from "../limits/rate-limit-headers.ts";
import { openApiDocument } from "./document.ts";
import type { OpenApiDocument } from "./document.ts";
import type { NamedSchema, RouteDescription } from "./route-description.ts";

const Part = z.strictObject({ url: z.string() });
const Sent = z.strictObject({ part: Part, size: z.int().default(1) });
const Got = z.object({ part: Part });

const route: RouteDescription = {
  method: "post",
  path: "/v1/things/{id}",
  id: "makeThing",
  tag: "Things",
  summary: "Make a thing",
  access: "api_key",
  pathParameters: { id: "Its id." },
  query: z.strictObject({ limit: z.int().optional().describe("How many."), of: z.string() }),
  body: { contents: { "application/json": { name: "Sent", schema: Sent } } },
  answer: {
    notes: "The thing.",
    contents: { "application/json": { name: "Got", schema: Got }, "image/png": "binary" },
    headers: { "X-Things": "How many there are." },
  },
  errors: ["invalid_request", "conflict", "overloaded"],
};

function documentOf(change: object = {}, parts: NamedSchema[] = []): OpenApiDocument {
  const tags = { Things: "All of them." };
  const about = { title: "API", version: "1", description: "An API." };
  return openApiDocument({ ...about, tags, parts, routes: [{ ...route, ...change }] });
}

const operation = (document: OpenApiDocument) => document.paths["/v1/things/{id}"]?.["post"];

describe("openApiDocument", () => {
  it("tells parameters, and which of them must be there", () => {
    expect(operation(documentOf())?.parameters).toMatchObject([
      { name: "id", in: "path", required: true },
      { name: "limit", in: "query", required: false, description: "How many." },
      { name: "of", in: "query", required: true },
    ]);
  });

  it("tells each status once, with all codes that it stands for", () => {
    const responses = operation(documentOf())?.responses ?? {};
    const told = Object.entries(responses).map(([status, { description }]) => [
      status,
      description,
    ]);
    expect(told).toEqual([
      ["200", "The thing."],
      ["400", "`invalid_request`"],
      ["401", "`invalid_api_key`"],
      ["403", "`permission_denied`"],
      ["409", "`conflict`"],
      ["500", "`internal`"],
      ["503", "`overloaded`"],
    ]);
    expect(Object.keys(responses["200"]?.headers ?? {})).toEqual([
      "X-Request-Id",
      ...Object.keys(RATE_LIMIT_HEADERS),
      "X-Things",
    ]);
    expect(Object.keys(responses["503"]?.headers ?? {})).toContain("Retry-After");
    expect(Object.keys(responses["200"]?.content ?? {})).toEqual(["application/json", "image/png"]);
  });

  it("lets what is sent have no other member, and what is answered get more", () => {
    const { Sent: sent, Got: got } = documentOf({}, [{ name: "Part", schema: Part }]).components
      .schemas;
    expect(sent).toMatchObject({
      properties: { part: { $ref: "#/components/schemas/Part" }, size: { default: 1 } },
      required: ["part"],
      additionalProperties: false,
    });
    expect(got).not.toHaveProperty("additionalProperties");
    expect(got).toMatchObject({ required: ["part"] });
  });

  it("refuses a tag that is not described, and two schemas of one name", () => {
    expect(() => documentOf({ tag: "Others" })).toThrow("the tag Others of makeThing");
    const twice = [{ name: "Sent", schema: Part }];
    expect(() => documentOf({}, twice)).toThrow("two schemas are called Sent");
    const both = [{ name: "Got", schema: Part }];
    expect(() => documentOf({}, both)).toThrow("Got is the name of what is sent and of what");
  });
});
