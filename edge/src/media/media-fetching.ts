import type { LocatedUrl } from "@qwen3-vl/shared/chat";
import { judgeUrl } from "@qwen3-vl/shared/fetch-policy";
import type { FetchPolicy } from "@qwen3-vl/shared/fetch-policy";
import { isFileId } from "@qwen3-vl/shared/files";
import { parseHostPatterns } from "@qwen3-vl/shared/host-rules";
import type { HostRules } from "@qwen3-vl/shared/host-rules";
import { urlRefused } from "@qwen3-vl/shared/media-errors";

import { isDataUrl } from "./data-url.ts";

/** Variables that say whose media are fetched, and where. */
export interface FetchVariables {
  ALLOW_HTTP_LOOPBACK?: string;
  MEDIA_ALLOW_HOSTS?: string;
  MEDIA_DENY_HOSTS?: string;
  FETCH_IN?: string;
  S3_ENDPOINT?: string;
  S3_BUCKET?: string;
}

/** Who fetches the media of a request, and by what policy. */
export interface MediaFetching {
  policy: FetchPolicy;
  fetchIn: "edge" | "worker";
}

/** @throws Error for a variable that cannot be used: nothing is fetched by a policy that nobody meant */
export function mediaFetchingOf(env: FetchVariables, keyHosts: HostRules): MediaFetching {
  const fetchIn = env.FETCH_IN || "edge";
  if (fetchIn !== "edge" && fetchIn !== "worker") {
    throw new Error(`FETCH_IN=${fetchIn}: expected edge or worker`);
  }
  const allow = parseHostPatterns(env.MEDIA_ALLOW_HOSTS);
  const deny = parseHostPatterns(env.MEDIA_DENY_HOSTS);
  const { S3_ENDPOINT: endpoint, S3_BUCKET: bucket } = env;
  const deployment = {
    ...(allow === undefined ? {} : { allow }),
    ...(deny === undefined ? {} : { deny }),
  };
  const policy = {
    allowHttpLoopback: env.ALLOW_HTTP_LOOPBACK === "true",
    hosts: [deployment, keyHosts],
    ...(endpoint && bucket ? { ownBucket: { endpoint, bucket } } : {}),
  };
  return { policy, fetchIn };
}

/** URLs that are loaded here, and what a request to the worker says of the others. */
export interface SharedOut {
  here: LocatedUrl[];
  there: { fetch?: FetchPolicy };
}

/**
 * Leaves to the GPU worker what has to be fetched, where the deployment wants it so. Each of its URLs is
 * judged here already.
 *
 * @throws ApiError whose `param` is the first place that has a URL which is refused
 */
export function shareOutUrls(
  urls: readonly LocatedUrl[],
  { policy, fetchIn }: MediaFetching,
): SharedOut {
  const fetched = fetchIn === "worker" ? urls.filter(isFetched) : [];
  for (const { url, path } of fetched) {
    const verdict = judgeUrl(url, policy);
    if ("refusal" in verdict) {
      throw urlRefused(verdict.refusal).at(path);
    }
  }
  return {
    here: urls.filter((located) => !fetched.includes(located)),
    there: fetched.length === 0 ? {} : { fetch: policy },
  };
}

const isFetched = ({ url }: LocatedUrl) => !isDataUrl(url) && !isFileId(url);
