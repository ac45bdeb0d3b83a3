import type { LocatedUrl } from "@qwen3-vl/shared/chat";
import { ApiError } from "@qwen3-vl/shared/errors";
import { FETCH_LIMITS } from "@qwen3-vl/shared/fetch-limits";
import type { FetchPolicy } from "@qwen3-vl/shared/fetch-policy";
import { isFileId } from "@qwen3-vl/shared/files";
import {
  MAX_IMAGE_BYTES,
  MAX_INLINE_MEDIA_BYTES,
  MAX_STAGED_VIDEO_BYTES,
  MAX_UPLOAD_BYTES,
  MAX_VIDEO_BYTES,
} from "@qwen3-vl/shared/limits";
import { mapConcurrently } from "@qwen3-vl/shared/map-concurrently";
import { mediaTooLargeTogether, mediumTooLarge } from "@qwen3-vl/shared/media-errors";

import { acceptUpTo } from "../http/read-body.ts";
import type { AcceptBytes } from "../http/read-body.ts";
import { decodeDataUrl, isDataUrl } from "./data-url.ts";
import { fetchMedium, fetchWith } from "./fetch-medium.ts";
import type { FetchOptions } from "./fetch-medium.ts";
import type { LinkableMedium, MediaLibrary } from "./media-library.ts";
import { sniffMedia } from "./sniff-media.ts";
import type { MediaType } from "./sniff-media.ts";

/** A picture or clip whose bytes are here. */
export interface HeldMedium {
  /** As the client wrote it. */
  url: string;
  bytes: Uint8Array<ArrayBuffer>;
  type: MediaType;
}

/** A picture or clip in the bucket, which the GPU worker fetches itself. */
interface LinkedMedium {
  /** As the client wrote it. */
  url: string;
  link: LinkableMedium;
}

export type LoadedMedium = HeldMedium | LinkedMedium;

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

/** From the start to the last byte of a clip that goes to the bucket: 4 GiB at 7 MB/s. */
const STAGED_TOTAL_MS = 600_000;

/**
 * Loads each distinct URL, in order of first use. Files, and clips that are large, stay in the bucket
 * and are linked; without a library, there are none of both.
 *
 * @throws ApiError whose `param` is the first place that has the URL.
 */
export async function loadMedia(
  urls: readonly LocatedUrl[],
  policy: FetchPolicy,
  client: AbortSignal,
  library?: MediaLibrary,
): Promise<LoadedMedium[]> {
  const acceptInAll = acceptUpTo(MAX_INLINE_MEDIA_BYTES, () =>
    mediaTooLargeTogether(MAX_INLINE_MEDIA_BYTES),
  );
  const distinct = firstUses(urls);
  const ids = distinct.map(({ url }) => url).filter(isFileId);
  const files = (await library?.find(ids)) ?? new Map<string, LinkableMedium>();
  const load = (located: LocatedUrl, signal: AbortSignal): Promise<LoadedMedium> => {
    if (isFileId(located.url)) {
      return linkFile(located, files.get(located.url), library !== undefined);
    }
    const limits = { policy, signal, limits: FETCH_LIMITS };
    return library !== undefined && located.kind === "video" && !isDataUrl(located.url)
      ? stageClip(located, { ...limits, library, acceptInAll })
      : loadMedium(located, { ...limits, ...byteLimits(located, acceptInAll) });
  };
  try {
    return await mapConcurrently(distinct, MAX_FETCHES, async (located, failure) => {
      try {
        return await load(located, AbortSignal.any([client, failure]));
      } catch (error) {
        throw error instanceof ApiError ? error.at(located.path) : error;
      }
    });
  } catch (error) {
    await library?.release();
    throw error;
  }
}

/** Each distinct URL of each kind, where it stands first. No key is made of a URL, which may be a picture of megabytes. */
function firstUses(urls: readonly LocatedUrl[]): LocatedUrl[] {
  const seen = { image: new Set<string>(), video: new Set<string>() };
  return urls.filter(({ url, kind }) => {
    const isFirst = !seen[kind].has(url);
    seen[kind].add(url);
    return isFirst;
  });
}

function byteLimits({ kind }: LocatedUrl, acceptInAll: AcceptBytes) {
  const { maxBytes } = KINDS[kind];
  const acceptAlone = acceptUpTo(maxBytes, () => mediumTooLarge(maxBytes));
  const accept = (byteLength: number) => {
    acceptAlone(byteLength);
    acceptInAll(byteLength);
  };
  return { maxBytes, accept };
}

async function linkFile(
  { url, kind }: LocatedUrl,
  file: LinkableMedium | undefined,
  hasStorage: boolean,
): Promise<LinkedMedium> {
  if (file === undefined) {
    const reason = hasStorage ? "" : " This deployment has no file storage.";
    throw new ApiError("not_found", `There is no such file.${reason}`);
  }
  if (!file.type.startsWith(`${kind}/`)) {
    throw wrongMedium(kind, file.type);
  }
  const maxBytes = kind === "image" ? MAX_IMAGE_BYTES : MAX_UPLOAD_BYTES;
  if (file.bytes > maxBytes) {
    throw mediumTooLarge(maxBytes);
  }
  return { url, link: file };
}

/** A clip of a client's URL: held when it is small, else streamed into the bucket as it comes. */
async function stageClip(
  { url, kind }: LocatedUrl,
  { library, acceptInAll, ...options }: StageOptions,
): Promise<LoadedMedium> {
  const maxBytes = MAX_STAGED_VIDEO_BYTES;
  const accept = acceptUpTo(maxBytes, () => mediumTooLarge(maxBytes));
  const staged = await fetchWith(url, { ...options, maxBytes, accept }, (chunks, allow) =>
    library.stage(chunks, {
      typeOf: (head) => typeOf(head, kind),
      signal: options.signal,
      onLarge: () => allow(STAGED_TOTAL_MS),
    }),
  );
  if (!(staged instanceof Uint8Array)) {
    return { url, link: staged };
  }
  acceptInAll(staged.byteLength);
  return { url, bytes: staged, type: typeOf(staged, kind) };
}

interface StageOptions extends Pick<FetchOptions, "policy" | "limits" | "signal"> {
  library: MediaLibrary;
  acceptInAll: AcceptBytes;
}

async function loadMedium({ url, kind }: LocatedUrl, options: FetchOptions): Promise<HeldMedium> {
  const bytes = isDataUrl(url)
    ? decodeDataUrl(url, options.accept)
    : await fetchMedium(url, options);
  return { url, bytes, type: typeOf(bytes, kind) };
}

/** By the first bytes. @throws ApiError unless the part may hold it */
function typeOf(head: Uint8Array, kind: LocatedUrl["kind"]): MediaType {
  const type = sniffMedia(head);
  if (type === undefined || !type.startsWith(`${kind}/`)) {
    throw wrongMedium(kind, head.byteLength === 0 ? "no bytes" : (type ?? "bytes of another type"));
  }
  return type;
}

function wrongMedium(kind: LocatedUrl["kind"], got: string): ApiError {
  return new ApiError("invalid_media", `Expected ${KINDS[kind].expected}, got ${got}.`);
}
