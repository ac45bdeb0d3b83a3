import { fromBase64, toBase64 } from "@qwen3-vl/shared/base64";
import { ApiError } from "@qwen3-vl/shared/errors";

import { concatBytes } from "../http/concat-bytes.ts";

/** HKDF makes a key of anything; what is shorter than this could be guessed. */
const MIN_KEY_LENGTH = 32;

/** AES-GCM's own. */
const NONCE_BYTES = 12;

const VERSION = "v1.";

export interface SealingEnv {
  WEBHOOK_SEALING_KEY?: string;
}

/**
 * @throws ApiError `not_found` where the deployment has no webhooks
 * @throws Error when its sealing key is too short: nothing is sealed with it
 */
export function requireSealer({ WEBHOOK_SEALING_KEY: key = "" }: SealingEnv): SecretSealer {
  if (key === "") {
    throw new ApiError(
      "not_found",
      "This deployment has no webhooks: its operator has not set WEBHOOK_SEALING_KEY.",
    );
  }
  if (key.length < MIN_KEY_LENGTH) {
    throw new Error(
      `WEBHOOK_SEALING_KEY has ${key.length} characters, expected at least ${MIN_KEY_LENGTH}`,
    );
  }
  return new SecretSealer(key);
}

/** Keeps the secrets of endpoints unreadable for whoever reads the database. */
export class SecretSealer {
  readonly #key: Promise<CryptoKey>;

  constructor(sealingKey: string) {
    this.#key = derive(sealingKey);
    this.#key.catch(() => undefined); // heard by whoever seals or opens
  }

  /** @param endpointId what is sealed for one endpoint opens for no other */
  async seal(secret: string, endpointId: string): Promise<string> {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const plain = new TextEncoder().encode(secret);
    const cipher = await crypto.subtle.encrypt(
      algorithmOf(nonce, endpointId),
      await this.#key,
      plain,
    );
    const bytes = concatBytes([nonce, new Uint8Array(cipher)], NONCE_BYTES + cipher.byteLength);
    return VERSION + toBase64(bytes);
  }

  /** @throws Error when it was sealed by another key, for another endpoint, or was changed */
  async open(sealed: string, endpointId: string): Promise<string> {
    const bytes = fromBase64(sealed.slice(VERSION.length));
    const algorithm = algorithmOf(bytes.slice(0, NONCE_BYTES), endpointId);
    try {
      const plain = await crypto.subtle.decrypt(
        algorithm,
        await this.#key,
        bytes.slice(NONCE_BYTES),
      );
      return new TextDecoder().decode(plain);
    } catch (cause) {
      throw new Error(`the secret of ${endpointId} does not open with WEBHOOK_SEALING_KEY`, {
        cause,
      });
    }
  }
}

function algorithmOf(nonce: Uint8Array<ArrayBuffer>, endpointId: string) {
  return { name: "AES-GCM", iv: nonce, additionalData: new TextEncoder().encode(endpointId) };
}

async function derive(sealingKey: string): Promise<CryptoKey> {
  const material = new TextEncoder().encode(sealingKey);
  const base = await crypto.subtle.importKey("raw", material, "HKDF", false, ["deriveKey"]);
  const info = new TextEncoder().encode("qwen3-vl webhook secrets");
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info },
    base,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}
