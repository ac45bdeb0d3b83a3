import { toBase64 } from "@qwen3-vl/shared/base64";

import { keyBytesOf } from "./webhook-secret.ts";

/** What one attempt sends, before it is signed. */
export interface UnsignedDelivery {
  /** The header `webhook-id`: the same at each attempt. */
  id: string;
  /** When this attempt is made, in seconds since 1970. */
  timestamp: number;
  body: string;
}

/**
 * Headers of the Standard Webhooks specification: HMAC-SHA-256 over `id.timestamp.body`, once for each
 * secret that is good at the time.
 */
export async function signatureHeaders(
  { id, timestamp, body }: UnsignedDelivery,
  secrets: readonly string[],
): Promise<Record<string, string>> {
  const message = `${id}.${timestamp}.${body}`;
  const signatures = await Promise.all(secrets.map((secret) => signatureOf(message, secret)));
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatures.join(" "),
  };
}

async function signatureOf(message: string, secret: string): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", keyBytesOf(secret), algorithm, false, ["sign"]);
  const bytes = new TextEncoder().encode(message);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes));
  return `v1,${toBase64(signature)}`;
}
