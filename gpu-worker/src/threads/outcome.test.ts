import { ApiError } from "@qwen3-vl/shared/errors";
import { expect, it } from "vitest";

import { fromOutcome, toOutcome } from "./outcome.ts";

/** As between threads: only what can be cloned arrives. */
async function across<T>(work: () => T | Promise<T>): Promise<T> {
  return fromOutcome(structuredClone(await toOutcome(work)));
}

it("carries a value across the border", async () => {
  expect(await across(() => ({ patches: Float32Array.of(1, 2) }))).toEqual({
    patches: Float32Array.of(1, 2),
  });
});

it("carries a client's error across as the same error", async () => {
  const failing = across(async () => {
    throw new ApiError("invalid_media", "expected a picture, got HTML", { param: "image_url" });
  });
  await expect(failing).rejects.toThrow(ApiError);
  await expect(failing).rejects.toMatchObject({
    code: "invalid_media",
    message: "expected a picture, got HTML",
    param: "image_url",
  });
  const withoutParam = across(() => {
    throw new ApiError("overloaded", "later");
  });
  await expect(withoutParam).rejects.toMatchObject({ code: "overloaded", param: undefined });
});

it("lets any other failure fail the thread's task", async () => {
  const failing = toOutcome(() => {
    throw new TypeError("a bug");
  });
  await expect(failing).rejects.toThrow(TypeError);
});
