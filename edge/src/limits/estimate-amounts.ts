import { mediaParts, urlsOf } from "@qwen3-vl/shared/chat";
import type { ChatRequest } from "@qwen3-vl/shared/chat";
import type { MediaPart } from "@qwen3-vl/shared/content-part";
import { MAX_FRAMES, MAX_IMAGE_PIXELS } from "@qwen3-vl/shared/limits";

import { clipLengthMs } from "../media/clip-length.ts";
import { pictureSize } from "../media/picture-size.ts";
import type { MediaType } from "../media/sniff-media.ts";
import type { EstimatedAmounts } from "./amounts.ts";

/** A picture or clip as far as it is here: of one in the bucket nothing is known. */
export interface SeenMedium {
  /** As the client wrote it. */
  url: string;
  type?: MediaType;
  bytes?: Uint8Array;
}

/** Tokens that a template writes around each message. */
const MESSAGE_TOKENS = 8;

/** Tokens of the templates' own words where there are tools. */
const TOOLS_TOKENS = 256;

/** What an answer has at most that nobody bounds, as far as limits go: a long one. */
const USUAL_ANSWER_TOKENS = 1024;

/** Of the published checkpoints: pixels of a token's side, tokens of a picture, of a frame pair, of a clip. */
const TOKEN_SIDE = 32;
const LEAST_PICTURE_TOKENS = 64;
const MOST_PICTURE_TOKENS = 16_384;
const MOST_PAIR_TOKENS = 768;
const MOST_CLIP_TOKENS = 24_576;
/** The time before a frame pair, and what stands around it. */
const PAIR_TEXT_TOKENS = 12;

const USUAL_FPS = 2;
const LEAST_FRAMES = 4;

/**
 * What a request will use at most, as far as the edge can tell before the GPU worker is asked: no
 * text has more tokens than bytes, and pictures tell their sides. What nothing here tells (the length
 * of some clips) counts once the worker has told it.
 */
export function estimateAmounts(
  request: ChatRequest,
  media: readonly SeenMedium[],
): EstimatedAmounts {
  const seen = new Map(media.map((medium) => [medium.url, medium]));
  const parts = mediaParts(request).map(({ part }) => partAmounts(part, seen));
  const sum = (amount: (each: PartAmounts) => number) =>
    parts.reduce((total, part) => total + amount(part), 0);
  const most = request.max_completion_tokens ?? request.max_tokens;
  return {
    promptTokens: textTokens(request) + sum(({ tokens }) => tokens),
    completionTokens: (most ?? USUAL_ANSWER_TOKENS) * (request.n ?? 1),
    pixels: sum(({ pixels }) => pixels),
    videoMs: sum(({ videoMs }) => videoMs),
    frames: sum(({ frames }) => frames),
    isOpenEnded: most === undefined,
  };
}

/** Everything that the template may write, media apart; their URLs are never text. */
function textTokens(request: ChatRequest): number {
  const { messages, tools } = request;
  const urls = new Set(
    mediaParts(request).flatMap((located) => urlsOf(located).map(({ url }) => url)),
  );
  const json = JSON.stringify({ messages, tools }, (_key, value: unknown) =>
    typeof value === "string" && urls.has(value) ? "" : value,
  );
  const around = messages.length * MESSAGE_TOKENS + (tools === undefined ? 0 : TOOLS_TOKENS);
  return new TextEncoder().encode(json).byteLength + around;
}

interface PartAmounts {
  tokens: number;
  pixels: number;
  videoMs: number;
  frames: number;
}

function partAmounts(part: MediaPart, seen: ReadonlyMap<string, SeenMedium>): PartAmounts {
  switch (part.type) {
    case "image_url":
      return pictureAmounts(seen.get(part.image_url.url));
    case "video_url": {
      const medium = seen.get(part.video_url.url);
      const videoMs = medium?.type && medium.bytes && clipLengthMs(medium.type, medium.bytes);
      return clipAmounts(videoMs ?? 0, sampledFrames(part, videoMs));
    }
    case "video": {
      const frames = part.video.length;
      return clipAmounts((frames * 1000) / (part.sample_fps ?? USUAL_FPS), frames);
    }
  }
}

function pictureAmounts(medium: SeenMedium | undefined): PartAmounts {
  const size = medium?.type && medium.bytes && pictureSize(medium.type, medium.bytes);
  if (size === undefined) {
    return { tokens: LEAST_PICTURE_TOKENS, pixels: 0, videoMs: 0, frames: 0 };
  }
  const { width, height } = size;
  const tokens = (Math.ceil(width / TOKEN_SIDE) + 1) * (Math.ceil(height / TOKEN_SIDE) + 1);
  return {
    tokens: Math.min(Math.max(tokens, LEAST_PICTURE_TOKENS), MOST_PICTURE_TOKENS),
    pixels: Math.min(width * height, MAX_IMAGE_PIXELS), // larger ones the GPU worker refuses
    videoMs: 0,
    frames: 0,
  };
}

function sampledFrames(
  { nframes, fps, max_frames: most }: Extract<MediaPart, { type: "video_url" }>,
  videoMs: number | undefined,
): number {
  if (nframes !== undefined || videoMs === undefined) {
    return Math.min(nframes ?? 0, MAX_FRAMES);
  }
  const sampled = Math.ceil((videoMs / 1000) * (fps ?? USUAL_FPS));
  return Math.min(Math.max(sampled, LEAST_FRAMES), most ?? MAX_FRAMES, MAX_FRAMES);
}

function clipAmounts(videoMs: number, frames: number): PartAmounts {
  const pairs = Math.ceil(frames / 2);
  const tokens = Math.min(pairs * MOST_PAIR_TOKENS, MOST_CLIP_TOKENS) + pairs * PAIR_TEXT_TOKENS;
  return { tokens, pixels: 0, videoMs: Math.ceil(videoMs), frames };
}
