import type { LocatedImage } from "@qwen3-vl/shared/chat";
import { ApiError } from "@qwen3-vl/shared/errors";
import { MAX_IMAGE_BYTES, MAX_INLINE_MEDIA_BYTES } from "@qwen3-vl/shared/limits";

import { acceptUpTo } from "../http/read-body.ts";
import type { AcceptBytes } from "../http/read-body.ts";
import { decodeDataUrl, isDataUrl } from "./data-url.ts";
import { FETCH_LIMITS, fetchPicture } from "./fetch-picture.ts";
import type { FetchOptions } from "./fetch-picture.ts";
import type { FetchPolicy } from "./fetch-policy.ts";
import { mapConcurrently } from "./map-concurrently.ts";
import { mediaTooLargeTogether, pictureTooLarge } from "./media-too-large.ts";
import { sniffImage } from "./sniff-image.ts";
import type { ImageType } from "./sniff-image.ts";

export interface Picture {
  /** As the client wrote it. */
  url: string;
  bytes: Uint8Array<ArrayBuffer>;
  type: ImageType;
}

/** The platform allows six connections at a time; the database and the GPU worker need some. */
const MAX_FETCHES = 4;

/**
 * Loads the bytes of each distinct URL among the images, in order of first use.
 *
 * @throws ApiError whose `param` is the first part that has the URL.
 */
export function loadPictures(
  images: readonly LocatedImage[],
  policy: FetchPolicy,
  client: AbortSignal,
): Promise<Picture[]> {
  const acceptInAll = acceptUpTo(MAX_INLINE_MEDIA_BYTES, () =>
    mediaTooLargeTogether(MAX_INLINE_MEDIA_BYTES),
  );
  return mapConcurrently(firstUses(images), MAX_FETCHES, async ([url, path], failure) => {
    const accept = acceptPicture(acceptInAll);
    const signal = AbortSignal.any([client, failure]);
    try {
      return await loadPicture(url, { policy, limits: FETCH_LIMITS, accept, signal });
    } catch (error) {
      throw error instanceof ApiError ? error.at(`${path}.image_url.url`) : error;
    }
  });
}

/** Each distinct URL with the path of the first part that has it. */
function firstUses(images: readonly LocatedImage[]): [url: string, path: string][] {
  const paths = new Map<string, string>();
  for (const { part, path } of images) {
    const { url } = part.image_url;
    if (!paths.has(url)) {
      paths.set(url, path);
    }
  }
  return [...paths];
}

function acceptPicture(acceptInAll: AcceptBytes): AcceptBytes {
  const acceptAlone = acceptUpTo(MAX_IMAGE_BYTES, () => pictureTooLarge(MAX_IMAGE_BYTES));
  return (byteLength) => {
    acceptAlone(byteLength);
    acceptInAll(byteLength);
  };
}

async function loadPicture(url: string, options: FetchOptions): Promise<Picture> {
  const bytes = await loadBytes(url, options);
  if (bytes.byteLength === 0) {
    throw new ApiError("invalid_media", "The picture is empty.");
  }
  const type = sniffImage(bytes);
  if (type === undefined) {
    throw new ApiError(
      "invalid_media",
      "Expected a picture (JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF or BMP); the bytes are of another type.",
    );
  }
  return { url, bytes, type };
}

async function loadBytes(url: string, options: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
  if (url.startsWith("file-")) {
    throw new ApiError("not_found", "There is no such file; files are not supported yet.");
  }
  return isDataUrl(url) ? decodeDataUrl(url, options.accept) : await fetchPicture(url, options);
}
