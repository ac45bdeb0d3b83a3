import { createHash } from "node:crypto";

import type { LocatedMedium } from "@qwen3-vl/shared/chat";
import type { ImagePart } from "@qwen3-vl/shared/content-part";
import { ClipOptions, PixelOptions } from "@qwen3-vl/shared/content-part";
import type { FramesPart, VideoPart } from "@qwen3-vl/shared/content-part";
import { ApiError } from "@qwen3-vl/shared/errors";
import { NO_MEDIA } from "@qwen3-vl/shared/media-figures";
import type { MediaFigures } from "@qwen3-vl/shared/media-figures";
import type { ProcessorOptions } from "@qwen3-vl/shared/processor-options";
import { mediaNameOf } from "@qwen3-vl/shared/worker-protocol";
import type { Priority } from "@qwen3-vl/shared/worker-protocol";

import { FeatureCache } from "../engine/feature-cache.ts";
import type { RequestMedium } from "../engine/generator.ts";
import type { PatchedMedium, VisionFeatures } from "../engine/model.ts";
import type { MemoryPlan } from "../memory-plan.ts";
import type { WorkerFigures } from "../metrics/worker-figures.ts";
import type { PromptMedium } from "../prompt/prompt-media.ts";
import type { ClipBytes } from "../vision/clip-bytes.ts";
import type { ClipOutline } from "../vision/clip-outline.ts";
import type { ClipPreprocessor } from "../vision/clip-preprocessor.ts";
import { tokensOf } from "../vision/grid.ts";
import type { ImagePreprocessor } from "../vision/image-preprocessor.ts";
import { MediaMemory } from "../vision/media-memory.ts";
import type { MediaReservation } from "../vision/media-memory.ts";
import type { ClipInput } from "../vision/prepare-clip.ts";
import type { VisionEncoderConfig } from "../weights/model-config.ts";
import { mediaBytes, misfitOf } from "./media-fit.ts";
import type { SizedMedium } from "./media-fit.ts";

/** A medium of which everything but its pixels is known. */
export interface PlannedMedium extends SizedMedium {
  digest: Buffer;
  amount: MediaFigures;
  decode: (signal: AbortSignal, onFrames: OnFrames) => Promise<PatchedMedium>;
}

/** A clip, and where it stands in the request. */
export interface LocatedClip {
  part: VideoPart | FramesPart;
  path: string;
}

/** Told of so many more frames of a clip that are decoded. */
type OnFrames = (frames: number) => void;

/** Media as the generator takes them; their memory is set aside until this is disposed of. */
export interface PreparedMedia extends Disposable {
  media: readonly RequestMedium[];
}

/** The request that media belong to. */
export interface MediaContext {
  /** Whose it is: what a tenant's media tell is not told to others, not even by being fast. */
  tenant: string;
  priority: Priority;
  /** Bytes, or where they are, by the name of their part. */
  parts: ReadonlyMap<string, ClipBytes>;
  signal: AbortSignal;
  /** What the request changes of the processor's values. */
  processor: ProcessorOptions;
}

export interface RequestMediaOptions {
  images: ImagePreprocessor;
  clips: ClipPreprocessor;
  config: VisionEncoderConfig;
  memory: Pick<MemoryPlan, "encoderBytes" | "mediaBytes" | "featureBytes">;
  figures: WorkerFigures;
}

interface CachedMedium {
  prompt: PromptMedium;
  amount: MediaFigures;
  features: VisionFeatures;
}

/** Prepares the media of requests; what was encoded before is neither decoded nor encoded again. */
export class RequestMedia {
  readonly #options: RequestMediaOptions;
  readonly #cache: FeatureCache<CachedMedium>;
  readonly #memory: MediaMemory;

  constructor(options: RequestMediaOptions) {
    this.#options = options;
    this.#cache = new FeatureCache(options.memory.featureBytes);
    this.#memory = new MediaMemory(options.memory.mediaBytes);
  }

  /** Side of the squares of patches that are one token. */
  get mergeSize(): number {
    return this.#options.config.mergeSize;
  }

  /** What the prompt needs to know of a medium, without its pixels. @throws ApiError that names the part at fault */
  async plan({ part, path }: LocatedMedium, context: MediaContext): Promise<PlannedMedium> {
    try {
      switch (part.type) {
        case "image_url":
          return { path, ...(await this.#planImage(part, context)) };
        case "video_url":
        case "video":
          return { path, ...(await this.#planClip(part, context)) };
      }
    } catch (error) {
      throw error instanceof ApiError ? error.at(path) : error;
    }
  }

  /**
   * How a clip, and each part of it, would be sampled.
   *
   * @throws ApiError that names the part at fault
   */
  async outline({ part, path }: LocatedClip, context: MediaContext): Promise<ClipOutline> {
    const { parts, signal, processor, priority } = context;
    try {
      const input = clipInput(part, parts);
      const options = ClipOptions.parse(part);
      return await this.#options.clips.outline(input, options, signal, { processor, priority });
    } catch (error) {
      throw error instanceof ApiError ? error.at(path) : error;
    }
  }

  /** @throws ApiError unless there is memory for these media at all, that says how much they need, and how much there is */
  assertFit(media: readonly SizedMedium[]): void {
    const misfit = this.misfit(media);
    if (misfit !== undefined) {
      throw misfit;
    }
  }

  /** Why there is no memory for these media at all; how long it is taken by others is another matter. */
  misfit(media: readonly SizedMedium[]): ApiError | undefined {
    return misfitOf(media, this.#options.config, this.#options.memory);
  }

  /**
   * Decodes what was planned as soon as there is memory for all of it.
   *
   * @throws ApiError that names the part at fault
   */
  async prepare(
    media: readonly PlannedMedium[],
    { signal, priority }: Pick<MediaContext, "signal" | "priority">,
    onFrames: OnFrames = () => undefined,
  ): Promise<PreparedMedia> {
    if (media.length === 0) {
      return { media: [], [Symbol.dispose]: () => undefined }; // text waits for nobody's pictures
    }
    const reservation = await this.#memory.reserve(
      mediaBytes(media, this.#options.config),
      signal,
      priority,
    );
    const decoding = media.map((medium) =>
      this.#prepareOne(medium, reservation, { signal, onFrames }),
    );
    try {
      return {
        media: await Promise.all(decoding),
        [Symbol.dispose]: () => reservation[Symbol.dispose](),
      };
    } catch (error) {
      void Promise.allSettled(decoding).then(() => reservation[Symbol.dispose]());
      throw error;
    }
  }

  async #prepareOne(
    { path, digest, prompt, amount, features, decode }: PlannedMedium,
    reservation: MediaReservation,
    { signal, onFrames }: { signal: AbortSignal; onFrames: OnFrames },
  ): Promise<RequestMedium> {
    const { mergeSize } = this.#options.config;
    const keyed = { digest, tokens: tokensOf(prompt.grid, mergeSize) };
    if (features !== undefined) {
      onFrames(amount.frames);
      return { ...keyed, features };
    }
    try {
      const begun = performance.now();
      const patched = await decode(signal, onFrames);
      this.#options.figures.mediaSeconds.note((performance.now() - begun) / 1000);
      const onFeatures = (encoded: VisionFeatures) => {
        reservation.giveBack(patched.patches.byteLength);
        patched.patches.buffer.transfer(0); // gone at once, not when the garbage is collected
        this.#cache.set(digest.toString("hex"), { prompt, amount, features: encoded });
      };
      return { ...keyed, patched, onFeatures };
    } catch (error) {
      throw error instanceof ApiError ? error.at(path) : error;
    }
  }

  #planImage(part: ImagePart, { tenant, parts, processor }: MediaContext): Promise<Planned> {
    const bytes = bytesOf(part.image_url.url, parts, "image_url.url");
    const options = PixelOptions.parse(part);
    const { images } = this.#options;
    const digest = digestOf([tenant, "image", options, processor], [bytes]);
    return this.#fromCache(digest, async () => {
      const { grid, width, height } = await images.plan(bytes, options, processor);
      return {
        prompt: { grid },
        amount: { ...NO_MEDIA, pixels: width * height },
        decode: async (signal) => {
          const patched = await images.prepare(bytes, options, signal, processor);
          this.#options.figures.pictures++;
          return patched;
        },
      };
    });
  }

  #planClip(
    part: VideoPart | FramesPart,
    { tenant, priority, parts, processor, signal: planSignal }: MediaContext,
  ): Promise<Planned> {
    const input = clipInput(part, parts);
    const options = ClipOptions.parse(part);
    const { clips, config, figures } = this.#options;
    const contents = input.kind === "frames" ? input.frames : [input.bytes];
    const rate = input.kind === "frames" ? input.sampleFps : "own";
    const digest = digestOf([tenant, "video", options, rate, processor], contents);
    return this.#fromCache(digest, async () => {
      const planned = await clips.plan(input, options, planSignal, { processor, priority });
      const { grid, timestamps, seconds, indices } = planned;
      return {
        prompt: { grid, timestamps },
        amount: { pixels: 0, video_ms: Math.round(seconds * 1000), frames: indices.length },
        decode: async (signal, onFrames) => {
          const asked = { processor, priority, onFrames };
          const { plan, patches } = await clips.prepare(input, options, signal, asked);
          figures.videoFrames += plan.grid.t * config.temporalPatchSize;
          return { patches, grid: plan.grid };
        },
      };
    });
  }

  async #fromCache(
    digest: Buffer,
    plan: () => Promise<Pick<PlannedMedium, "prompt" | "amount" | "decode">>,
  ): Promise<Planned> {
    const { figures } = this.#options;
    const cached = this.#cache.get(digest.toString("hex"));
    figures.mediaQueries++;
    figures.mediaHits += cached === undefined ? 0 : 1;
    return cached === undefined
      ? { digest, features: undefined, ...(await plan()) }
      : { digest, ...cached, decode: () => Promise.reject(new Error("it was encoded before")) };
  }
}

type Planned = Omit<PlannedMedium, "path">;

/** qwen-vl-utils' rate of a frame list that tells none. */
const DEFAULT_SAMPLE_FPS = 2;

function clipInput(part: VideoPart | FramesPart, parts: ReadonlyMap<string, ClipBytes>): ClipInput {
  if (part.type === "video_url") {
    return { kind: "container", bytes: partOf(part.video_url.url, parts, "video_url.url") };
  }
  const frames = part.video.map((url, index) => bytesOf(url, parts, `video.${index}`));
  return { kind: "frames", frames, sampleFps: part.sample_fps ?? DEFAULT_SAMPLE_FPS };
}

/** Pictures are in memory, wherever they came from. */
function bytesOf(url: string, parts: ReadonlyMap<string, ClipBytes>, param: string): Uint8Array {
  const part = partOf(url, parts, param);
  if (!(part instanceof Uint8Array)) {
    throw new ApiError("invalid_media", "expected a picture, got a clip", { param });
  }
  return part;
}

function partOf(url: string, parts: ReadonlyMap<string, ClipBytes>, param: string): ClipBytes {
  const name = mediaNameOf(url);
  const part = name === undefined ? undefined : parts.get(name);
  if (part === undefined) {
    throw new ApiError("invalid_media", "expected the cid: URL of a part of the body", { param });
  }
  return part;
}

/** Over everything that features depend on, and whose they are. */
function digestOf(said: readonly unknown[], contents: readonly ClipBytes[]): Buffer {
  const hash = createHash("sha256").update(JSON.stringify(said));
  for (const bytes of contents) {
    hash.update(
      bytes instanceof Uint8Array ? createHash("sha256").update(bytes).digest() : bytes.digest,
    );
  }
  return hash.digest();
}
