/** The sentences by which pictures and clips are refused, whoever fetches them. */
import { ApiError } from "./errors.ts";
import { UrlTransferError } from "./url-transfer.ts";

export function mediumTooLarge(maxBytes: number): ApiError {
  return new ApiError("media_too_large", `The picture or clip is larger than ${maxBytes} bytes.`);
}

export function mediaTooLargeTogether(maxBytes: number): ApiError {
  return new ApiError(
    "media_too_large",
    `The pictures and clips of the request are together larger than ${maxBytes} bytes.`,
  );
}

export function urlRefused(reason: string): ApiError {
  return new ApiError("invalid_request", `The URL is refused: ${reason}.`);
}

/** Of a medium's URL that came to nothing; any other error stays as it is. */
export function toMediaError(error: unknown): unknown {
  if (!(error instanceof UrlTransferError)) {
    return error;
  }
  const { kind, message, cause } = error;
  return kind === "refused"
    ? urlRefused(message)
    : new ApiError("media_unreachable", `The URL cannot be fetched: ${message}.`, { cause });
}
