import { Deadlines } from "@qwen3-vl/shared/deadlines";
import { judgeUrl } from "@qwen3-vl/shared/fetch-policy";
import { readAway } from "@qwen3-vl/shared/read-away";
import { UrlTransferError } from "@qwen3-vl/shared/url-transfer";
import type { WebhookAttemptAnswer, WebhookAttemptCall } from "@qwen3-vl/shared/worker-webhooks";

import { requestPinned } from "./pinned-request.ts";
import { resolvePublic } from "./resolve-public.ts";
import type { Lookup } from "./resolve-public.ts";
import { untilAborted } from "./until-aborted.ts";

export interface WebhookPosterOptions {
  lookup: Lookup;
  /** An HTTP proxy that every `https:` connection goes through. */
  egressProxy: URL | undefined;
  /** Development: this machine may be sent to, where the edge permits it too. */
  allowHttpLoopback: boolean;
}

/** Posts webhooks to clients' URLs; the name is resolved once, and what was checked is dialled. */
export class WebhookPoster {
  readonly #options: WebhookPosterOptions;

  constructor(options: WebhookPosterOptions) {
    this.#options = options;
  }

  /** Follows no redirect. Rejects only when the signal aborts. */
  async post(call: WebhookAttemptCall, signal: AbortSignal): Promise<WebhookAttemptAnswer> {
    const allowHttpLoopback = this.#options.allowHttpLoopback && call.policy.allowHttpLoopback;
    const verdict = judgeUrl(call.url, { ...call.policy, allowHttpLoopback }, "https:");
    if ("refusal" in verdict) {
      return verdict;
    }
    const deadlines = new Deadlines(call.timeout_ms, signal);
    try {
      return await this.#send(verdict.url, call, deadlines.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof UrlTransferError) {
        return { refusal: error.message };
      }
      return { failure: deadlines.missed === undefined ? "unreachable" : "timeout" };
    } finally {
      deadlines.stop();
    }
  }

  async #send(
    url: URL,
    { headers, body }: WebhookAttemptCall,
    signal: AbortSignal,
  ): Promise<WebhookAttemptAnswer> {
    const { lookup, egressProxy, allowHttpLoopback } = this.#options;
    const isLoopbackAllowed = allowHttpLoopback && url.protocol === "http:";
    const resolving = resolvePublic(url.hostname, lookup, isLoopbackAllowed);
    const addresses = await untilAborted(resolving, signal);
    const response = await requestPinned({ url, addresses, egressProxy, headers, body, signal });
    try {
      await readAway(response);
    } finally {
      response.destroy();
    }
    const { "retry-after": retryAfter = null } = response.headers;
    return { status_code: response.statusCode ?? 0, retry_after: retryAfter };
  }
}
