import { FETCH_LIMITS } from "@qwen3-vl/shared/fetch-limits";

import { MediaFetcher } from "./media-fetcher.ts";
import type { MediaFetcherOptions } from "./media-fetcher.ts";
import { lookUpInSystem } from "./resolve-public.ts";

/** One that may fetch from this machine. */
export function testFetcher(options: Partial<MediaFetcherOptions> = {}): MediaFetcher {
  return new MediaFetcher({
    lookup: lookUpInSystem,
    limits: FETCH_LIMITS,
    egressProxy: undefined,
    allowHttpLoopback: true,
    ...options,
  });
}
