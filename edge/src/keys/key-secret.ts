import { toBase64 } from "@qwen3-vl/shared/base64";
import { sha256Hex } from "@qwen3-vl/shared/signature";

const SECRET_BYTES = 32;

/** A new key of 256 random bits: `sk-` and 43 characters of base64url. */
export function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  const base64 = toBase64(bytes);
  return `sk-${base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

/** Keys are long and random, so one round of SHA-256 is enough; a password would need a slow hash. */
export function hashSecret(secret: string): Promise<string> {
  return sha256Hex(secret);
}

const SHOWN_START = 7;
const SHOWN_END = 4;

/** The ends of a key, by which its owner recognises it: `sk-Ab3d…x9Zq`; of a short one nothing. */
export function shownPrefix(secret: string): string {
  return secret.length < 4 * (SHOWN_START + SHOWN_END)
    ? ""
    : `${secret.slice(0, SHOWN_START)}…${secret.slice(-SHOWN_END)}`;
}
