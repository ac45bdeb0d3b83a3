import { ApiError } from "@qwen3-vl/shared/errors";
import { judgeUrl } from "@qwen3-vl/shared/fetch-policy";
import type { Verdict } from "@qwen3-vl/shared/fetch-policy";

import { mediaFetchingOf } from "../media/media-fetching.ts";
import type { FetchVariables, MediaFetching } from "../media/media-fetching.ts";

/**
 * The policy of media without their list of permitted hosts, and who dials; hosts that are never to be
 * fetched from are not sent to either.
 */
export function webhookFetchingOf(env: FetchVariables): MediaFetching {
  const { MEDIA_ALLOW_HOSTS: _mediaOnly, ...others } = env;
  return mediaFetchingOf(others, {});
}

export function judgeWebhookUrl(text: string, { policy }: Pick<MediaFetching, "policy">): Verdict {
  return judgeUrl(text, policy, "https:");
}

/** As it will be dialled. @throws ApiError for a URL to which nothing is sent */
export function permittedWebhookUrl(text: string, env: FetchVariables): string {
  const verdict = judgeWebhookUrl(text, webhookFetchingOf(env));
  if ("refusal" in verdict) {
    throw new ApiError("invalid_request", `url: it is refused: ${verdict.refusal}.`, {
      param: "url",
    });
  }
  return verdict.url.href;
}
