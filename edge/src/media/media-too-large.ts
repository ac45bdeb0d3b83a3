import { ApiError } from "@qwen3-vl/shared/errors";

export function pictureTooLarge(maxBytes: number): ApiError {
  return new ApiError("media_too_large", `The picture is larger than ${maxBytes} bytes.`);
}

export function mediaTooLargeTogether(maxBytes: number): ApiError {
  return new ApiError(
    "media_too_large",
    `The pictures of the request are together larger than ${maxBytes} bytes.`,
  );
}
