import { createHash } from "node:crypto";

import type { LocatedImage } from "@qwen3-vl/shared/chat";
import { ApiError } from "@qwen3-vl/shared/errors";
import { mediaNameOf } from "@qwen3-vl/shared/worker-protocol";

import { FeatureCache } from "../engine/feature-cache.ts";
import type { RequestMedium } from "../engine/generator.ts";
import type { PatchedMedium, VisionFeatures } from "../engine/model.ts";
import type { PromptMedium } from "../prompt/prompt-media.ts";
import { tokensOf } from "../vision/grid.ts";
import type { ImagePreprocessor } from "../vision/image-preprocessor.ts";

/** A medium as the prompt and as the generator take it. */
export interface PreparedMedium {
  prompt: PromptMedium;
  generation: RequestMedium;
}

/** The request that media belong to. */
export interface MediaContext {
  /** Whose it is: what a tenant's media tell is not told to others, not even by being fast. */
  tenant: string;
  /** Bytes by the name of their part. */
  parts: ReadonlyMap<string, Uint8Array>;
  signal: AbortSignal;
}

export interface RequestMediaOptions {
  images: ImagePreprocessor;
  mergeSize: number;
  /** Bytes of features that are kept for pictures that come again. */
  cacheBytes: number;
}

interface CachedMedium {
  prompt: PromptMedium;
  features: VisionFeatures;
}

/** Prepares the media of requests; what was encoded before is neither decoded nor encoded again. */
export class RequestMedia {
  readonly #options: RequestMediaOptions;
  readonly #cache: FeatureCache<CachedMedium>;

  constructor(options: RequestMediaOptions) {
    this.#options = options;
    this.#cache = new FeatureCache(options.cacheBytes);
  }

  /** @throws ApiError that names the part at fault */
  async prepareImage(
    { part, path }: LocatedImage,
    { tenant, parts, signal }: MediaContext,
  ): Promise<PreparedMedium> {
    const bytes = bytesOf(part.image_url.url, parts, `${path}.image_url.url`);
    const { type: _type, image_url: _url, ...options } = part;
    const digest = digestOf(tenant, options, [bytes]);
    return this.#fromCache(digest, async () => {
      try {
        const { patches, grid } = await this.#options.images.prepare(bytes, options, signal);
        return { prompt: { grid }, patched: { patches, grid } };
      } catch (error) {
        throw error instanceof ApiError ? error.at(path) : error;
      }
    });
  }

  async #fromCache(
    digest: Buffer,
    prepare: () => Promise<{ prompt: PromptMedium; patched: PatchedMedium }>,
  ): Promise<PreparedMedium> {
    const key = digest.toString("hex");
    const cached = this.#cache.get(key);
    if (cached !== undefined) {
      const { prompt, features } = cached;
      return { prompt, generation: { ...this.#keyed(digest, prompt), features } };
    }
    const { prompt, patched } = await prepare();
    const onFeatures = (features: VisionFeatures) => this.#cache.set(key, { prompt, features });
    return { prompt, generation: { ...this.#keyed(digest, prompt), patched, onFeatures } };
  }

  #keyed(digest: Uint8Array, { grid }: PromptMedium) {
    return { digest, tokens: tokensOf(grid, this.#options.mergeSize) };
  }
}

function bytesOf(url: string, parts: ReadonlyMap<string, Uint8Array>, param: string): Uint8Array {
  const name = mediaNameOf(url);
  const bytes = name === undefined ? undefined : parts.get(name);
  if (bytes === undefined) {
    throw new ApiError("invalid_media", `${param}: expected the cid: URL of a part.`, { param });
  }
  return bytes;
}

/** Over everything that features depend on: bytes, options, and whose they are. */
function digestOf(tenant: string, options: object, contents: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256").update(JSON.stringify([tenant, options]));
  for (const bytes of contents) {
    hash.update(createHash("sha256").update(bytes).digest());
  }
  return hash.digest();
}
