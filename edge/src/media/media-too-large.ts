import { ApiError } from "@qwen3-vl/shared/errors";

export function mediumTooLarge(maxBytes: number): ApiError {
  return new ApiError("media_too_large", `The picture or clip is larger than ${maxBytes} bytes.`);
}

export function mediaTooLargeTogether(maxBytes: number): ApiError {
  return new ApiError(
    "media_too_large",
    `The pictures and clips of the request are together larger than ${maxBytes} bytes.`,
  );
}
