import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";

import { ApiError } from "@qwen3-vl/shared/errors";
import { FETCH_HEADERS } from "@qwen3-vl/shared/fetch-limits";
import type { FetchLimits } from "@qwen3-vl/shared/fetch-limits";
import { judgeRedirect, judgeUrl } from "@qwen3-vl/shared/fetch-policy";
import type { FetchPolicy } from "@qwen3-vl/shared/fetch-policy";

import { requestPinned } from "./pinned-request.ts";
import { NotPublicError, resolvePublic } from "./resolve-public.ts";
import type { Lookup } from "./resolve-public.ts";
import { TransferDeadlines } from "./transfer-deadlines.ts";
import { untilAborted } from "./until-aborted.ts";

export interface MediaFetcherOptions {
  lookup: Lookup;
  limits: FetchLimits;
  /** An HTTP proxy that every `https:` connection goes through. */
  egressProxy: URL | undefined;
  /** Development: this machine may be fetched from, where the edge permits it too. */
  allowHttpLoopback: boolean;
}

export interface MediumWanted {
  /** As the client wrote it. */
  url: string;
  /** The edge's, of the deployment and the key. */
  policy: FetchPolicy;
  maxBytes: number;
  /** Hears of each chunk's bytes before they are kept; throws when there has been enough of all media together. */
  accept: (byteLength: number) => void;
  signal: AbortSignal;
}

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Fetches clients' URLs by the same policy and limits as the edge, and besides resolves each hop's name
 * itself and dials the very addresses that it has checked: nothing a name server says later counts.
 */
export class MediaFetcher {
  readonly #options: MediaFetcherOptions;

  constructor(options: MediaFetcherOptions) {
    this.#options = options;
  }

  /** @throws ApiError, of which no message tells an address or what the other server said */
  async fetch(wanted: MediumWanted): Promise<Uint8Array> {
    const { url: text, signal } = wanted;
    const { limits, allowHttpLoopback } = this.#options;
    const isLoopbackAllowed = allowHttpLoopback && wanted.policy.allowHttpLoopback;
    const policy = { ...wanted.policy, allowHttpLoopback: isLoopbackAllowed };
    const verdict = judgeUrl(text, policy);
    if ("refusal" in verdict) {
      throw refused(verdict.refusal);
    }
    using deadlines = new TransferDeadlines(limits.totalMs, signal);
    try {
      deadlines.expect("the headers", limits.headersMs);
      const response = await this.#follow(verdict.url, policy, deadlines.signal);
      return await this.#read(response, wanted, deadlines);
    } catch (cause) {
      if (cause instanceof ApiError || signal.aborted) {
        throw cause;
      }
      throw deadlines.missed === undefined
        ? unreachable("its server could not be reached or broke off", cause)
        : unreachable(`its server did not send ${deadlines.missed}`, cause);
    }
  }

  async #follow(first: URL, policy: FetchPolicy, signal: AbortSignal): Promise<IncomingMessage> {
    const { maxRedirects } = this.#options.limits;
    const visited = new Set<string>();
    let url = first;
    while (visited.size <= maxRedirects) {
      if (visited.has(url.href)) {
        throw unreachable("its redirects go in a circle");
      }
      const response = await this.#request(url, { policy, signal, isFirst: visited.size === 0 });
      visited.add(url.href);
      if (!REDIRECT_STATUSES.has(response.statusCode ?? 0)) {
        return response;
      }
      response.destroy();
      const verdict = judgeRedirect(url, response.headers.location ?? null, policy);
      if ("refusal" in verdict) {
        throw unreachable(`it redirects to a URL that is refused: ${verdict.refusal}`);
      }
      ({ url } = verdict);
    }
    throw unreachable(`it redirects more than ${maxRedirects} times`);
  }

  async #request(
    url: URL,
    { policy, signal, isFirst }: { policy: FetchPolicy; signal: AbortSignal; isFirst: boolean },
  ): Promise<IncomingMessage> {
    const { lookup, egressProxy } = this.#options;
    const isLoopbackAllowed = policy.allowHttpLoopback && url.protocol === "http:";
    try {
      const resolving = resolvePublic(url.hostname, lookup, isLoopbackAllowed);
      const addresses = await untilAborted(resolving, signal);
      return await requestPinned({
        url,
        addresses,
        egressProxy,
        headers: FETCH_HEADERS,
        signal,
      });
    } catch (error) {
      if (!(error instanceof NotPublicError)) {
        throw error;
      }
      throw isFirst
        ? refused(error.message)
        : unreachable(`it redirects to a URL that is refused: ${error.message}`);
    }
  }

  async #read(
    response: IncomingMessage,
    { accept, maxBytes }: MediumWanted,
    deadlines: TransferDeadlines,
  ): Promise<Uint8Array> {
    const { stallMs } = this.#options.limits;
    const { statusCode, headers } = response;
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      // 206 without having asked is a part of the medium, 304 is none.
      if (statusCode !== 200) {
        throw unreachable(`its server answered with status ${statusCode}, expected 200`);
      }
      if (Number(headers["content-length"]) > maxBytes) {
        throw tooLarge(maxBytes);
      }
      deadlines.expect("the next bytes", stallMs);
      for await (const chunk of unpacked(response)) {
        if (!(chunk instanceof Uint8Array)) {
          throw new TypeError("expected bytes");
        }
        deadlines.expect("the next bytes", stallMs);
        length += chunk.byteLength;
        if (length > maxBytes) {
          throw tooLarge(maxBytes);
        }
        accept(chunk.byteLength);
        chunks.push(chunk);
      }
    } finally {
      response.destroy();
    }
    return Buffer.concat(chunks);
  }
}

/** Though asked not to, some servers compress; what is counted is what comes out. */
function unpacked(response: IncomingMessage): Readable {
  const encoding = response.headers["content-encoding"] ?? "identity";
  if (encoding === "identity") {
    return response;
  }
  if (encoding !== "gzip") {
    throw unreachable("its server sent it in an encoding that it was not asked for");
  }
  const gunzip = createGunzip();
  pipeline(response, gunzip, () => undefined); // an error comes out of what is read
  return gunzip;
}

function refused(reason: string): ApiError {
  return new ApiError("invalid_request", `The URL is refused: ${reason}.`);
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError("media_too_large", `The picture or clip is larger than ${maxBytes} bytes.`);
}

function unreachable(reason: string, cause?: unknown): ApiError {
  return new ApiError("media_unreachable", `The URL cannot be fetched: ${reason}.`, { cause });
}
