import { ApiError } from "@qwen3-vl/shared/errors";
import { judgeUrl } from "@qwen3-vl/shared/fetch-policy";
import type { FetchPolicy, Verdict } from "@qwen3-vl/shared/fetch-policy";

import { mediaFetchingOf } from "../media/media-fetching.ts";
import type { FetchVariables } from "../media/media-fetching.ts";

/**
 * The policy of media without their list of permitted hosts; hosts that are never to be fetched from are
 * not sent to either.
 */
export function webhookPolicyOf(env: FetchVariables): FetchPolicy {
  const { MEDIA_ALLOW_HOSTS: _mediaOnly, ...others } = env;
  return mediaFetchingOf(others, {}).policy;
}

export function judgeWebhookUrl(text: string, env: FetchVariables): Verdict {
  return judgeUrl(text, webhookPolicyOf(env), "https:");
}

/** As it will be dialled. @throws ApiError for a URL to which nothing is sent */
export function permittedWebhookUrl(text: string, env: FetchVariables): string {
  const verdict = judgeWebhookUrl(text, env);
  if ("refusal" in verdict) {
    throw new ApiError("invalid_request", `url: it is refused: ${verdict.refusal}.`, {
      param: "url",
    });
  }
  return verdict.url.href;
}
