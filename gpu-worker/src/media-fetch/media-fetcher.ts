import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";

import type { Deadlines } from "@qwen3-vl/shared/deadlines";
import { FETCH_HEADERS } from "@qwen3-vl/shared/fetch-limits";
import type { FetchLimits } from "@qwen3-vl/shared/fetch-limits";
import type { FetchPolicy } from "@qwen3-vl/shared/fetch-policy";
import { mediumTooLarge, toMediaError } from "@qwen3-vl/shared/media-errors";
import { assertMediumHead } from "@qwen3-vl/shared/medium-head";
import { UrlTransferError, transferUrl } from "@qwen3-vl/shared/url-transfer";
import type { Transport } from "@qwen3-vl/shared/url-transfer";

import { requestPinned } from "./pinned-request.ts";
import { resolvePublic } from "./resolve-public.ts";
import type { Lookup } from "./resolve-public.ts";
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
    const { url, signal } = wanted;
    const { limits, allowHttpLoopback } = this.#options;
    const isLoopbackAllowed = allowHttpLoopback && wanted.policy.allowHttpLoopback;
    const policy = { ...wanted.policy, allowHttpLoopback: isLoopbackAllowed };
    const transport = this.#transport(policy);
    try {
      return await transferUrl(url, { policy, limits, signal, transport }, (response, deadlines) =>
        this.#read(response, wanted, deadlines),
      );
    } catch (error) {
      throw toMediaError(error);
    }
  }

  #transport(policy: FetchPolicy): Transport<IncomingMessage> {
    const { lookup, egressProxy } = this.#options;
    return {
      ask: async (url, signal) => {
        const isLoopbackAllowed = policy.allowHttpLoopback && url.protocol === "http:";
        const resolving = resolvePublic(url.hostname, lookup, isLoopbackAllowed);
        const addresses = await untilAborted(resolving, signal);
        return requestPinned({ url, addresses, egressProxy, headers: FETCH_HEADERS, signal });
      },
      headOf: ({ statusCode = 0, headers: { location = null } }) => ({
        status: statusCode,
        location,
      }),
      drop: (response) => void response.destroy(),
    };
  }

  async #read(
    response: IncomingMessage,
    { accept, maxBytes }: MediumWanted,
    deadlines: Deadlines,
  ): Promise<Uint8Array> {
    const { stallMs } = this.#options.limits;
    const { statusCode = 0, headers } = response;
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      const contentLength = headers["content-length"];
      assertMediumHead({ status: statusCode, contentLength }, maxBytes);
      deadlines.expect("the next bytes", stallMs);
      for await (const chunk of unpacked(response)) {
        if (!(chunk instanceof Uint8Array)) {
          throw new TypeError("expected bytes");
        }
        deadlines.expect("the next bytes", stallMs);
        length += chunk.byteLength;
        if (length > maxBytes) {
          throw mediumTooLarge(maxBytes);
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
    throw new UrlTransferError(
      "unreachable",
      "its server sent it in an encoding that it was not asked for",
    );
  }
  const gunzip = createGunzip();
  pipeline(response, gunzip, () => undefined); // an error comes out of what is read
  return gunzip;
}
