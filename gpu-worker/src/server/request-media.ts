import { createHash } from "node:crypto";

import type { LocatedMedium } from "@qwen3-vl/shared/chat";
import type { ImagePart } from "@qwen3-vl/shared/content-part";
import { ClipOptions, PixelOptions } from "@qwen3-vl/shared/content-part";
import type { FramesPart, VideoPart } from "@qwen3-vl/shared/content-part";
import { ApiError } from "@qwen3-vl/shared/errors";
import type { ProcessorOptions } from "@qwen3-vl/shared/processor-options";
import { mediaNameOf } from "@qwen3-vl/shared/worker-protocol";

import { FeatureCache } from "../engine/feature-cache.ts";
import type { RequestMedium } from "../engine/generator.ts";
import type { PatchedMedium, VisionFeatures } from "../engine/model.ts";
import type { PromptMedium } from "../prompt/prompt-media.ts";
import type { ClipPreprocessor } from "../vision/clip-preprocessor.ts";
import { tokensOf } from "../vision/grid.ts";
import type { ImagePreprocessor } from "../vision/image-preprocessor.ts";
import type { ClipInput } from "../vision/prepare-clip.ts";

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
  /** What the request changes of the processor's values. */
  processor: ProcessorOptions;
}

export interface RequestMediaOptions {
  images: ImagePreprocessor;
  clips: ClipPreprocessor;
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
  async prepare({ part, path }: LocatedMedium, context: MediaContext): Promise<PreparedMedium> {
    try {
      switch (part.type) {
        case "image_url":
          return await this.#prepareImage(part, context);
        case "video_url":
        case "video":
          return await this.#prepareClip(part, context);
      }
    } catch (error) {
      throw error instanceof ApiError ? error.at(path) : error;
    }
  }

  /** What the prompt needs to know of a medium, without its pixels. @throws as `prepare` does */
  async plan({ part, path }: LocatedMedium, context: MediaContext): Promise<PromptMedium> {
    const { parts, signal, processor } = context;
    try {
      if (part.type === "image_url") {
        const bytes = bytesOf(part.image_url.url, parts, "image_url.url");
        const options = PixelOptions.parse(part);
        return { grid: await this.#options.images.plan(bytes, options, processor) };
      }
      const input = clipInput(part, parts);
      const options = ClipOptions.parse(part);
      const plan = await this.#options.clips.plan(input, options, signal, processor);
      return { grid: plan.grid, timestamps: plan.timestamps };
    } catch (error) {
      throw error instanceof ApiError ? error.at(path) : error;
    }
  }

  #prepareImage(
    part: ImagePart,
    { tenant, parts, signal, processor }: MediaContext,
  ): Promise<PreparedMedium> {
    const bytes = bytesOf(part.image_url.url, parts, "image_url.url");
    const options = PixelOptions.parse(part);
    const digest = digestOf([tenant, "image", options, processor], [bytes]);
    return this.#fromCache(digest, async () => {
      const { images } = this.#options;
      const { patches, grid } = await images.prepare(bytes, options, signal, processor);
      return { prompt: { grid }, patched: { patches, grid } };
    });
  }

  #prepareClip(
    part: VideoPart | FramesPart,
    { tenant, parts, signal, processor }: MediaContext,
  ): Promise<PreparedMedium> {
    const input = clipInput(part, parts);
    const options = ClipOptions.parse(part);
    const contents = input.kind === "frames" ? input.frames : [input.bytes];
    const rate = input.kind === "frames" ? input.sampleFps : "own";
    const digest = digestOf([tenant, "video", options, rate, processor], contents);
    return this.#fromCache(digest, async () => {
      const { clips } = this.#options;
      const { plan, patches } = await clips.prepare(input, options, signal, processor);
      const { grid, timestamps } = plan;
      return { prompt: { grid, timestamps }, patched: { patches, grid } };
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

/** qwen-vl-utils' rate of a frame list that tells none. */
const DEFAULT_SAMPLE_FPS = 2;

function clipInput(
  part: VideoPart | FramesPart,
  parts: ReadonlyMap<string, Uint8Array>,
): ClipInput {
  if (part.type === "video_url") {
    return { kind: "container", bytes: bytesOf(part.video_url.url, parts, "video_url.url") };
  }
  const frames = part.video.map((url, index) => bytesOf(url, parts, `video.${index}`));
  return { kind: "frames", frames, sampleFps: part.sample_fps ?? DEFAULT_SAMPLE_FPS };
}

function bytesOf(url: string, parts: ReadonlyMap<string, Uint8Array>, param: string): Uint8Array {
  const name = mediaNameOf(url);
  const bytes = name === undefined ? undefined : parts.get(name);
  if (bytes === undefined) {
    throw new ApiError("invalid_media", "expected the cid: URL of a part of the body", { param });
  }
  return bytes;
}

/** Over everything that features depend on, and whose they are. */
function digestOf(said: readonly unknown[], contents: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256").update(JSON.stringify(said));
  for (const bytes of contents) {
    hash.update(createHash("sha256").update(bytes).digest());
  }
  return hash.digest();
}
