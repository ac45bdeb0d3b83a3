import { resolve } from "node:path";

import { describe, expect, it } from "vitest";

import { REPOSITORY, StartError, readSettings } from "./settings.ts";
import { banner } from "./texts.ts";

describe("readSettings", () => {
  it.each(["Qwen/Qwen3-VL-2B-Instruct", "a/b@v1", "./models/a", "/models/a"])(
    "hands MODEL on as it is, for the GPU worker to read: %s",
    (model) => {
      expect(readSettings({ MODEL: model }).MODEL).toBe(model);
    },
  );

  it("takes the model that ships with the repository unless told otherwise", () => {
    const shipped = resolve(REPOSITORY, "models/qwen3-vl-shapes");
    expect(readSettings({}).MODEL).toBe(shipped);
    expect(readSettings({ MODEL: "" }).MODEL).toBe(shipped);
  });

  it("names the variable at fault", () => {
    expect(() => readSettings({ PORT: "http" })).toThrow(StartError);
    expect(() => readSettings({ PORT: "http" })).toThrow(/^PORT=http: expected a whole number/);
  });
});

describe("the banner", () => {
  it("shows the id that clients call the model", () => {
    const model = "Qwen/Qwen3-VL-2B-Instruct";
    const shown = banner({ url: "http://127.0.0.1:1", apiKey: "sk-dev-1", model });
    expect(shown).toContain(`Model     ${model}\n`);
    expect(shown).toContain(`{"model":"${model}",`);
  });
});
