import { describe, expect, it } from "vitest";

import { parseGenerationConfig } from "./generation-config.ts";

describe("parseGenerationConfig", () => {
  it("takes one end token or a list", () => {
    expect(parseGenerationConfig('{"eos_token_id": 7}').eosTokenIds).toEqual([7]);
    expect(parseGenerationConfig('{"eos_token_id": [7, 8]}').eosTokenIds).toEqual([7, 8]);
    expect(parseGenerationConfig("{}").eosTokenIds).toEqual([]);
  });

  it("leaves undefined what the checkpoint does not say", () => {
    expect(parseGenerationConfig('{"do_sample": true, "top_k": 20, "top_p": null}')).toMatchObject({
      doSample: true,
      topK: 20,
      topP: undefined,
      temperature: undefined,
    });
  });

  it("names the file when a value is wrong", () => {
    expect(() => parseGenerationConfig('{"top_p": 2}')).toThrow(/^generation_config\.json: /u);
  });
});
