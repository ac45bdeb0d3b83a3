import { mediumTooLarge } from "./media-errors.ts";
import { UrlTransferError } from "./url-transfer.ts";

/** @throws UrlTransferError or ApiError unless an answer's head is that of a whole medium of a size that may come */
export function assertMediumHead(
  { status, contentLength }: { status: number; contentLength: string | null | undefined },
  maxBytes: number,
): void {
  // 206 without having asked is a part of the medium, 304 is none.
  if (status !== 200) {
    const reason = `its server answered with status ${status}, expected 200`;
    throw new UrlTransferError("unreachable", reason);
  }
  if (Number(contentLength) > maxBytes) {
    throw mediumTooLarge(maxBytes);
  }
}
