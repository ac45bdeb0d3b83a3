import { ApiError } from "@qwen3-vl/shared/errors";

export function invalidClip(message: string): ApiError {
  return new ApiError("invalid_media", message);
}

/** FFmpeg's complaint without its words, which may name addresses and paths. */
export function damagedClip(): ApiError {
  return invalidClip("the clip is damaged: some of its frames cannot be decoded");
}
