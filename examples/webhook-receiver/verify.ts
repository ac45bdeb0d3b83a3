/** Two packages that verify the same signatures; either will do. */
import OpenAI from "openai";
import { Webhook } from "standardwebhooks";

import type { Verify } from "./receiver.ts";

/** By the package of the Standard Webhooks specification. */
export function verifyWithStandardWebhooks(secret: string): Verify {
  const webhook = new Webhook(checked(secret));
  return (body, headers) => webhook.verify(body, headers);
}

/** By OpenAI's own client, which wants a key though it asks nobody. */
export function verifyWithOpenai(secret: string): Verify {
  const { webhooks } = new OpenAI({ apiKey: "none", webhookSecret: checked(secret) });
  return (body, headers) => webhooks.unwrap(body, headers);
}

const MIN_BYTES = 24;

/** With an empty secret anybody could sign. */
function checked(secret: string): string {
  const bytes = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64").length : 0;
  if (bytes < MIN_BYTES) {
    throw new Error(
      `WEBHOOK_SECRET: expected whsec_ and base64 of at least ${MIN_BYTES} bytes, got ${bytes} bytes`,
    );
  }
  return secret;
}
