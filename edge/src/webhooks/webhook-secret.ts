import { fromBase64, toBase64 } from "@qwen3-vl/shared/base64";
import { ApiError } from "@qwen3-vl/shared/errors";

/** Lengths of the specification; 32 bytes are as many as HMAC-SHA-256 has. */
const MIN_BYTES = 24;
const MAX_BYTES = 64;
const NEW_BYTES = 32;

/** Of the base64 of as many bytes, and a little more, so that those are counted. */
const MAX_LENGTH = 256;

const FORM = /^whsec_((?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?)$/;

export function newWebhookSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(NEW_BYTES));
  return `whsec_${toBase64(bytes)}`;
}

/**
 * A client's own secret, or a new one where it brings none.
 *
 * @throws ApiError that does not quote the secret
 */
export function webhookSecretOf(own: string | undefined): string {
  if (own === undefined) {
    return newWebhookSecret();
  }
  const base64 = own.length > MAX_LENGTH ? undefined : FORM.exec(own)?.[1];
  const length = base64 === undefined ? 0 : fromBase64(base64).length;
  if (length < MIN_BYTES || length > MAX_BYTES) {
    const got =
      base64 === undefined ? `another text of ${own.length} characters` : `${length} bytes`;
    throw new ApiError(
      "invalid_request",
      `secret: expected whsec_ and base64 of ${MIN_BYTES} to ${MAX_BYTES} bytes, got ${got}.`,
      { param: "secret" },
    );
  }
  return own;
}

/** The bytes that sign. */
export function keyBytesOf(secret: string): Uint8Array<ArrayBuffer> {
  return fromBase64(secret.slice("whsec_".length));
}
