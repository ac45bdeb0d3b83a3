import { ApiError } from "@qwen3-vl/shared/errors";
import { parseJson } from "@qwen3-vl/shared/json";

import { requestBytes } from "./request-bytes.ts";

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/** Parses a request's JSON body; its size is checked before the first byte is read and while reading. */
export async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get("Content-Type") ?? "none";
  if (!JSON_TYPE.test(type)) {
    throw new ApiError(
      "invalid_request",
      `Expected the content type application/json, got ${type.slice(0, MAX_SHOWN_TYPE)}.`,
      { param: "body" },
    );
  }
  return parseJson(decodeUtf8(await requestBytes(request)));
}

/** The same, where a request without a body stands for one that is `{}`. */
export async function readOptionalJson(request: Request): Promise<unknown> {
  const isEmpty = request.body === null || request.headers.get("Content-Length") === "0";
  return isEmpty ? {} : readJson(request);
}

const MAX_SHOWN_TYPE = 100;

/** At once: chunk by chunk it takes 6 ms more for 13 MB. */
function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch (cause) {
    throw new ApiError("invalid_request", "The body is not valid UTF-8.", { param: "body", cause });
  }
}
