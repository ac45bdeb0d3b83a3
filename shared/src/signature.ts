/**
 * The short-lived signature on each call from the edge to a GPU worker:
 * HMAC-SHA-256 over time, method, path and the SHA-256 of the signed content, which is the body or,
 * in a multipart body, its part `request` (that names the SHA-256 of every other part).
 */
import { ApiError } from "./errors.ts";

export const SIGNATURE_HEADER = "X-Worker-Signature";

/** A captured call can be repeated for this long; clocks may differ by as much. */
const LIFETIME_SECONDS = 60;

export interface SignedCall {
  method: string;
  /** Path without query. */
  path: string;
  /** Empty for a call without a body. */
  content: string | Uint8Array<ArrayBuffer>;
}

/** The header's value: `t=1790000000,v1=<hex>`. */
export async function signCall(secret: string, call: SignedCall, now: Date): Promise<string> {
  const seconds = Math.floor(now.getTime() / 1000);
  return `t=${seconds},v1=${await signature(secret, call, seconds)}`;
}

/** @throws ApiError `invalid_api_key` when the header is missing, expired or not over this call. */
export async function verifyCall(
  secret: string,
  call: SignedCall,
  header: string | undefined,
  now: Date,
): Promise<void> {
  const match = /^t=(\d{1,12}),v1=([\da-f]{64})$/.exec(header ?? "");
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new ApiError("invalid_api_key", `${SIGNATURE_HEADER} is missing or malformed.`);
  }
  const seconds = Number(match[1]);
  if (Math.abs(now.getTime() / 1000 - seconds) > LIFETIME_SECONDS) {
    throw new ApiError("invalid_api_key", `${SIGNATURE_HEADER} has expired.`);
  }
  if (!equalInConstantTime(await signature(secret, call, seconds), match[2])) {
    throw new ApiError("invalid_api_key", `${SIGNATURE_HEADER} does not match the call.`);
  }
}

async function signature(secret: string, call: SignedCall, seconds: number): Promise<string> {
  const digest = await sha256Hex(call.content);
  const message = `v1\n${seconds}\n${call.method}\n${call.path}\n${digest}`;
  const key = await crypto.subtle.importKey(
    "raw",
    utf8(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  return toHex(await crypto.subtle.sign("HMAC", key, utf8(message)));
}

export async function sha256Hex(content: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof content === "string" ? utf8(content) : content;
  return toHex(await crypto.subtle.digest("SHA-256", bytes));
}

/** Compares all characters whatever the first difference; only the length may leak. */
export function equalInConstantTime(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) {
    difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  }
  return difference === 0;
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Lower-case. */
export function toHex(buffer: ArrayBuffer): string {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
