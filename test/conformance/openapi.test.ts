import { createConfig, lintFromString } from "@redocly/openapi-core";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";

import { API } from "../../edge/src/openapi/api.ts";
import { docsPage } from "../../edge/src/openapi/docs-page.ts";
import { openApiDocument } from "../../edge/src/openapi/document.ts";

const document = openApiDocument(API);

describe("the OpenAPI document", () => {
  it("passes Redocly's strictest rules without a warning", async () => {
    const config = await createConfig({
      extends: ["recommended-strict"],
      rules: { "operation-4xx-response": "off" }, // routes that are open to all refuse nothing
    });
    const problems = await lintFromString({ source: JSON.stringify(document), config });
    const told = problems.map(({ ruleId, message, location: [place] }) => {
      return `${ruleId} at ${place?.pointer}: ${message}`;
    });
    expect(told).toEqual([]);
  });

  it("says of each operation that needs a key or token how it is refused", () => {
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    const unsaid = operations.filter(
      ({ security, responses }) => security.length > 0 && responses["401"] === undefined,
    );
    expect(unsaid).toEqual([]);
  });

  it.each([
    ["a question", { messages: [{ role: "user", content: "Hello" }] }, true],
    [
      "a picture",
      {
        messages: [
          {
            role: "user",
            content: [{ type: "image_url", image_url: { url: "https://a.example/" } }],
          },
        ],
        stop: ["a"],
        stop_token_ids: [1],
      },
      true,
    ],
    ["no message", { messages: [] }, false],
    ["an unknown field", { messages: [{ role: "user", content: "Hello" }], tops: 1 }, false],
    [
      "token ids that are words",
      { messages: [{ role: "user", content: "" }], stop_token_ids: ["a"] },
      false,
    ],
  ])("describes as the API takes it: %s", (_, fields, isValid) => {
    const $ref = "#/components/schemas/ChatCompletionRequest";
    const validate = new Ajv2020({ strict: false }).compile({
      $ref,
      components: document.components,
    });
    expect(validate({ model: "m", ...fields })).toBe(isValid);
  });
});

describe("the page of the OpenAPI document", () => {
  it("has a place for each of its links, and escapes what it shows", () => {
    const page = docsPage({
      ...document,
      tags: [...document.tags, { name: "<Tag>", description: `"A" & 'B'` }],
    });
    expect(page).toContain("&lt;Tag&gt;");
    expect(page).toContain("&quot;A&quot; &amp; &#39;B&#39;");
    const places = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    const links = [...page.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id);
    expect(links.length).toBeGreaterThan(places.size);
    expect(links.filter((id) => !places.has(id))).toEqual([]);
  });
});
