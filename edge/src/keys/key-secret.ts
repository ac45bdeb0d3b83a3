import { sha256Hex } from "@qwen3-vl/shared/signature";

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
