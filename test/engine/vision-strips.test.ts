import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { PatchedMedium } from "../../gpu-worker/src/engine/model.ts";
import { Session } from "../../gpu-worker/src/runtime/session.ts";
import { encodeMedium } from "../../gpu-worker/src/runtime/vision.ts";
import type { VisionEncoderConfig } from "../../gpu-worker/src/weights/model-config.ts";
import { openDenseGraphs } from "../support/dense-model.ts";

let session: Session;
let config: VisionEncoderConfig;
let removeGraphs: () => Promise<void>;
beforeAll(async () => {
  const opened = await openDenseGraphs();
  config = opened.config.vision;
  session = new Session(opened.graphs.vision, { threads: 2, spin: false });
  removeGraphs = opened.remove;
});
afterAll(async () => {
  session.close();
  await removeGraphs();
});

function mediumOf(t: number, h: number, w: number): PatchedMedium {
  const patches = Float32Array.from({ length: t * h * w * 1536 }, (_, index) =>
    Math.sin(index * 0.7),
  );
  return { patches, grid: { t, h, w } };
}

describe("the vision encoder", () => {
  it.each([
    { name: "a picture", medium: mediumOf(1, 24, 20) },
    { name: "a picture of one row of tokens", medium: mediumOf(1, 2, 60) },
    { name: "a clip", medium: mediumOf(3, 12, 8) },
  ])("gives $name, bit for bit, the same features in strips of any length", async ({ medium }) => {
    const whole = await encodeMedium(session, config, medium, { stripTokens: 1e6 });
    for (const stripTokens of [1, 7, 30, 48]) {
      expect(await encodeMedium(session, config, medium, { stripTokens })).toEqual(whole);
    }
  });

  it("ends soon after its request is aborted, with the signal's reason, and encodes the next", async () => {
    const small = mediumOf(1, 4, 4);
    const expected = await encodeMedium(session, config, small);
    const abort = new AbortController();
    const { signal } = abort;
    const patches = new Float32Array(96 * 96 * 1536).fill(0.5);
    const medium = { patches, grid: { t: 1, h: 96, w: 96 } };
    const large = encodeMedium(session, config, medium, { signal });
    setTimeout(() => abort.abort(new Error("the client left")), 5);
    await expect(large).rejects.toThrow("the client left");
    await expect(encodeMedium(session, config, small, { signal })).rejects.toThrow(
      "the client left",
    );
    expect(await encodeMedium(session, config, small)).toEqual(expected);
  });
});
