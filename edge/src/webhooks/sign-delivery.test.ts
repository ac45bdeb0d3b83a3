import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";

import { signatureHeaders } from "./sign-delivery.ts";
import { newWebhookSecret, webhookSecretOf } from "./webhook-secret.ts";

const body = '{"type":"job.completed","data":{"text":"Körbe 🧺"}}';
const now = () => Math.floor(Date.now() / 1000);

describe("a signature", () => {
  it("is what the standardwebhooks package verifies, and its own for the same event", async () => {
    const secret = newWebhookSecret();
    const at = new Date();
    const timestamp = Math.floor(at.getTime() / 1000);
    const headers = await signatureHeaders({ id: "evt_1", timestamp, body }, [secret]);
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    expect(headers["webhook-signature"]).toBe(new Webhook(secret).sign("evt_1", at, body));
  });

  it("is made with both secrets while one replaces the other", async () => {
    const secrets = [newWebhookSecret(), newWebhookSecret()];
    const headers = await signatureHeaders({ id: "evt_1", timestamp: now(), body }, secrets);
    for (const secret of secrets) {
      expect(() => new Webhook(secret).verify(body, headers)).not.toThrow();
    }
    expect(() => new Webhook(newWebhookSecret()).verify(body, headers)).toThrow(/signature/i);
  });

  it("covers id, time and body", async () => {
    const secret = newWebhookSecret();
    const headers = await signatureHeaders({ id: "evt_1", timestamp: now(), body }, [secret]);
    const verifier = new Webhook(secret);
    expect(() => verifier.verify(body, { ...headers, "webhook-id": "evt_2" })).toThrow(
      /signature/i,
    );
    const later = { ...headers, "webhook-timestamp": String(now() + 1) };
    expect(() => verifier.verify(body, later)).toThrow(/signature/i);
    expect(() => verifier.verify(`${body} `, headers)).toThrow(/signature/i);
  });
});

const base64 = (bytes: number) => btoa("x".repeat(bytes));

describe("a client's own secret", () => {
  it.each([24, 25, 26, 32, 64])("may have %i bytes", (bytes) => {
    const secret = `whsec_${base64(bytes)}`;
    expect(webhookSecretOf(secret)).toBe(secret);
  });

  it.each([
    ["nothing", "", "another text of 0 characters"],
    ["the prefix alone", "whsec_", "0 bytes"],
    ["23 bytes", `whsec_${base64(23)}`, "23 bytes"],
    ["65 bytes", `whsec_${base64(65)}`, "65 bytes"],
    ["no prefix", base64(32), "another text of 44 characters"],
    ["what is no base64", `whsec_${"!".repeat(44)}`, "another text of 50 characters"],
    ["base64 without its padding", `whsec_${base64(32).replace("=", "")}`, "another text"],
    ["a megabyte", `whsec_${"A".repeat(2 ** 20)}`, "another text of 1048582 characters"],
  ])("is refused where it is %s, without being quoted", (_, secret, got) => {
    expect(() => webhookSecretOf(secret)).toThrow(
      `secret: expected whsec_ and base64 of 24 to 64 bytes, got ${got}`,
    );
  });
});
