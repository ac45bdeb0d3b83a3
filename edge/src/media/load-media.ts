import type { LocatedUrl } from "@qwen3-vl/shared/chat";
import { ApiError } from "@qwen3-vl/shared/errors";
import { FETCH_LIMITS } from "@qwen3-vl/shared/fetch-limits";
import type { FetchPolicy } from "@qwen3-vl/shared/fetch-policy";
import { MAX_IMAGE_BYTES, MAX_INLINE_MEDIA_BYTES, MAX_VIDEO_BYTES } from "@qwen3-vl/shared/limits";
import { mapConcurrently } from "@qwen3-vl/shared/map-concurrently";

import { acceptUpTo } from "../http/read-body.ts";
import type { AcceptBytes } from "../http/read-body.ts";
import { decodeDataUrl, isDataUrl } from "./data-url.ts";
import { fetchMedium } from "./fetch-medium.ts";
import type { FetchOptions } from "./fetch-medium.ts";
import { mediaTooLargeTogether, mediumTooLarge } from "./media-too-large.ts";
import { sniffMedia } from "./sniff-media.ts";
import type { MediaType } from "./sniff-media.ts";

/** A picture or clip whose bytes are here. */
export interface LoadedMedium {
  /** As the client wrote it. */
  url: string;
  bytes: Uint8Array<ArrayBuffer>;
  type: MediaType;
}

/** What a part may hold, by its kind. */
const KINDS = {
  image: {
    maxBytes: MAX_IMAGE_BYTES,
    expected: "a picture (JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF or BMP)",
  },
  video: {
    maxBytes: MAX_VIDEO_BYTES,
    expected: "a clip (MP4, MOV, MKV, WebM, AVI or MPEG)",
  },
} as const;

/** The platform allows six connections at a time; the database and the GPU worker need some. */
const MAX_FETCHES = 4;

/**
 * Loads the bytes of each distinct URL, in order of first use.
 *
 * @throws ApiError whose `param` is the first place that has the URL.
 */
export function loadMedia(
  urls: readonly LocatedUrl[],
  policy: FetchPolicy,
  client: AbortSignal,
): Promise<LoadedMedium[]> {
  const acceptInAll = acceptUpTo(MAX_INLINE_MEDIA_BYTES, () =>
    mediaTooLargeTogether(MAX_INLINE_MEDIA_BYTES),
  );
  return mapConcurrently(firstUses(urls), MAX_FETCHES, async (located, failure) => {
    const { maxBytes } = KINDS[located.kind];
    const accept = acceptMedium(maxBytes, acceptInAll);
    const signal = AbortSignal.any([client, failure]);
    try {
      return await loadMedium(located, { policy, limits: FETCH_LIMITS, maxBytes, accept, signal });
    } catch (error) {
      throw error instanceof ApiError ? error.at(located.path) : error;
    }
  });
}

/** Each distinct URL of each kind, where it stands first. */
function firstUses(urls: readonly LocatedUrl[]): LocatedUrl[] {
  const first = new Map<string, LocatedUrl>();
  for (const located of urls) {
    const key = `${located.kind} ${located.url}`;
    if (!first.has(key)) {
      first.set(key, located);
    }
  }
  return [...first.values()];
}

function acceptMedium(maxBytes: number, acceptInAll: AcceptBytes): AcceptBytes {
  const acceptAlone = acceptUpTo(maxBytes, () => mediumTooLarge(maxBytes));
  return (byteLength) => {
    acceptAlone(byteLength);
    acceptInAll(byteLength);
  };
}

async function loadMedium({ url, kind }: LocatedUrl, options: FetchOptions): Promise<LoadedMedium> {
  const bytes = await loadBytes(url, options);
  const { expected } = KINDS[kind];
  if (bytes.byteLength === 0) {
    throw new ApiError("invalid_media", `Expected ${expected}, got no bytes.`);
  }
  const type = sniffMedia(bytes);
  if (type === undefined || !type.startsWith(`${kind}/`)) {
    const got = type ?? "bytes of another type";
    throw new ApiError("invalid_media", `Expected ${expected}, got ${got}.`);
  }
  return { url, bytes, type };
}

async function loadBytes(url: string, options: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
  if (url.startsWith("file-")) {
    throw new ApiError("not_found", "There is no such file; files are not supported yet.");
  }
  return isDataUrl(url) ? decodeDataUrl(url, options.accept) : await fetchMedium(url, options);
}
