import { ApiError } from "@qwen3-vl/shared/errors";
import { describe, expect, it } from "vitest";

import { SecretSealer, requireSealer } from "./secret-sealer.ts";

const KEY = "a sealing key of forty characters or so.";

describe("a sealed secret", () => {
  it("opens with the same key for the same endpoint, and looks different each time", async () => {
    const sealed = await new SecretSealer(KEY).seal("whsec_a", "we_1");
    expect(await new SecretSealer(KEY).open(sealed, "we_1")).toBe("whsec_a");
    expect(sealed).not.toContain("whsec");
    expect(await new SecretSealer(KEY).seal("whsec_a", "we_1")).not.toBe(sealed);
  });

  it("does not open with another key, for another endpoint, or when it was changed", async () => {
    const sealer = new SecretSealer(KEY);
    const sealed = await sealer.seal("whsec_a", "we_1");
    const last = sealed.at(-5) === "A" ? "B" : "A";
    const changed = `${sealed.slice(0, -5)}${last}${sealed.slice(-4)}`;
    const refusal = "does not open with WEBHOOK_SEALING_KEY";
    await expect(new SecretSealer(`${KEY}!`).open(sealed, "we_1")).rejects.toThrow(refusal);
    await expect(sealer.open(sealed, "we_2")).rejects.toThrow(refusal);
    await expect(sealer.open(changed, "we_1")).rejects.toThrow(refusal);
  });
});

describe("a deployment's sealing key", () => {
  it.each([undefined, ""])("%j means that there are no webhooks, and says so", (key) => {
    const env = key === undefined ? {} : { WEBHOOK_SEALING_KEY: key };
    expect(() => requireSealer(env)).toThrow(ApiError);
    expect(() => requireSealer(env)).toThrow(/has not set WEBHOOK_SEALING_KEY/);
  });

  it("of fewer than 32 characters seals nothing", () => {
    expect(() => requireSealer({ WEBHOOK_SEALING_KEY: "short" })).toThrow(
      "WEBHOOK_SEALING_KEY has 5 characters, expected at least 32",
    );
  });
});
