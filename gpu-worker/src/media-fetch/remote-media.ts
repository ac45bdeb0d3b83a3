import { mediaParts, parseChatRequest, urlsOf, withMediaUrls } from "@qwen3-vl/shared/chat";
import type { LocatedUrl } from "@qwen3-vl/shared/chat";
import { ApiError } from "@qwen3-vl/shared/errors";
import type { FetchPolicy } from "@qwen3-vl/shared/fetch-policy";
import { MAX_IMAGE_BYTES, MAX_INLINE_MEDIA_BYTES, MAX_VIDEO_BYTES } from "@qwen3-vl/shared/limits";
import { mapConcurrently } from "@qwen3-vl/shared/map-concurrently";
import { mediaTooLargeTogether } from "@qwen3-vl/shared/media-errors";
import { cidUrl, mediaNameOf } from "@qwen3-vl/shared/worker-protocol";

import type { MediaFetcher } from "./media-fetcher.ts";

/** Connections of one request. */
const MAX_FETCHES = 8;

const MAX_BYTES = { image: MAX_IMAGE_BYTES, video: MAX_VIDEO_BYTES } as const;

/** A body that names all of its media by their parts, and those parts. */
export interface CompleteRequest {
  body: unknown;
  media: ReadonlyMap<string, Uint8Array>;
}

/**
 * Fetches what a body still names by URL, each distinct URL once.
 *
 * @throws ApiError whose `param` is the first place that has the URL at fault
 */
export async function fetchRemoteMedia(
  { body, media }: CompleteRequest,
  fetching: { fetcher: MediaFetcher; policy: FetchPolicy; signal: AbortSignal },
): Promise<CompleteRequest> {
  const request = parseChatRequest(body);
  const remote = distinctRemote(mediaParts(request).flatMap(urlsOf));
  let bytesLeft =
    MAX_INLINE_MEDIA_BYTES -
    [...media.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  const accept = (byteLength: number) => {
    bytesLeft -= byteLength;
    if (bytesLeft < 0) {
      throw mediaTooLargeTogether(MAX_INLINE_MEDIA_BYTES);
    }
  };
  const fetched = await mapConcurrently(remote, MAX_FETCHES, async (located, failure) => {
    const signal = AbortSignal.any([fetching.signal, failure]);
    const { policy, fetcher } = fetching;
    const maxBytes = MAX_BYTES[located.kind];
    const wanted = { url: located.url, policy, maxBytes, accept, signal };
    try {
      return await fetcher.fetch(wanted);
    } catch (error) {
      throw error instanceof ApiError ? error.at(located.path) : error;
    }
  });
  const cids = new Map(remote.map(({ url }, index) => [url, cidUrl(`fetched-${index}`)]));
  const parts = fetched.map((bytes, index) => [`fetched-${index}`, bytes] as const);
  return {
    body: withMediaUrls(request, (url) => cids.get(url) ?? url),
    media: new Map([...media, ...parts]),
  };
}

/** Where each URL that is no part stands first. */
function distinctRemote(urls: readonly LocatedUrl[]): LocatedUrl[] {
  const first = new Map<string, LocatedUrl>();
  for (const located of urls) {
    if (mediaNameOf(located.url) === undefined && !first.has(located.url)) {
      first.set(located.url, located);
    }
  }
  return [...first.values()];
}
