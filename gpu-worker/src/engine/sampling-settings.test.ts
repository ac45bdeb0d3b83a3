import { describe, expect, it } from "vitest";

import { samplingSettings } from "./sampling-settings.ts";

const silent = {
  doSample: false,
  temperature: undefined,
  topK: undefined,
  topP: undefined,
  minP: undefined,
  repetitionPenalty: undefined,
};
const published = { ...silent, doSample: true, temperature: 0.7, topK: 20, topP: 0.8 };

describe("samplingSettings", () => {
  it("takes the checkpoint's values where the request says nothing", () => {
    expect(samplingSettings({}, { ...published, repetitionPenalty: 1.05 })).toEqual({
      temperature: 0.7,
      topK: 20,
      topP: 0.8,
      minP: 0,
      presencePenalty: 0,
      frequencyPenalty: 0,
      repetitionPenalty: 1.05,
      seed: undefined,
    });
  });

  it("lets the request win, each field by itself", () => {
    const settings = samplingSettings({ temperature: 1.5, top_p: 1, seed: 3 }, published);
    expect(settings).toMatchObject({ temperature: 1.5, topP: 1, topK: 20, seed: 3 });
  });

  it("is greedy when the checkpoint does not sample, until the request asks for a temperature", () => {
    const greedy = { ...published, doSample: false };
    expect(samplingSettings({}, greedy).temperature).toBe(0);
    expect(samplingSettings({ top_p: 0.5 }, greedy).temperature).toBe(0);
    expect(samplingSettings({ temperature: 0.4 }, greedy).temperature).toBe(0.4);
  });

  it("samples at temperature 1 when the checkpoint samples and says no temperature", () => {
    expect(samplingSettings({}, { ...silent, doSample: true }).temperature).toBe(1);
  });

  it("reads top_k 0 and -1 as off", () => {
    expect(samplingSettings({ top_k: -1 }, published).topK).toBe(0);
    expect(samplingSettings({ top_k: 0 }, published).topK).toBe(0);
  });
});
