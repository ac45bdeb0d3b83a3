import { ApiError } from "@qwen3-vl/shared/errors";
import { parseJson } from "@qwen3-vl/shared/json";
import { MAX_BODY_BYTES } from "@qwen3-vl/shared/limits";

import { acceptUpTo, readUtf8 } from "./read-body.ts";

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
  if (Number(request.headers.get("Content-Length")) > MAX_BODY_BYTES) {
    throw bodyTooLarge();
  }
  return parseJson(await readText(request));
}

/** The same, where a request without a body stands for one that is `{}`. */
export async function readOptionalJson(request: Request): Promise<unknown> {
  const isEmpty = request.body === null || request.headers.get("Content-Length") === "0";
  return isEmpty ? {} : readJson(request);
}

const MAX_SHOWN_TYPE = 100;

async function readText(request: Request): Promise<string> {
  try {
    return await readUtf8(request.body, acceptUpTo(MAX_BODY_BYTES, bodyTooLarge));
  } catch (cause) {
    if (cause instanceof TypeError) {
      throw new ApiError("invalid_request", "The body is not valid UTF-8.", {
        param: "body",
        cause,
      });
    }
    throw cause;
  }
}

/** More bytes than a JSON body may have. */
export function bodyTooLarge(): ApiError {
  return new ApiError("request_too_large", `The body is larger than ${MAX_BODY_BYTES} bytes.`, {
    param: "body",
  });
}
