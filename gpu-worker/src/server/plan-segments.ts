import { mediaParts } from "@qwen3-vl/shared/chat";
import type { ChatRequest, LocatedMedium } from "@qwen3-vl/shared/chat";
import { ApiError } from "@qwen3-vl/shared/errors";
import { MAX_SEGMENTS, SEGMENT_ANSWER_TOKENS, SEGMENT_WORDS } from "@qwen3-vl/shared/worker-jobs";
import type { SegmentPlan } from "@qwen3-vl/shared/worker-jobs";

import type { ClipOutline, ClipParts, SampledClip } from "../vision/clip-outline.ts";
import { tokensOf } from "../vision/grid.ts";
import { cutSegments } from "../vision/segment-cuts.ts";
import type { Span } from "../vision/segment-cuts.ts";
import { ClipBudget } from "./clip-budget.ts";
import type { ContextParts } from "./clip-budget.ts";
import type { LocatedClip, MediaContext } from "./request-media.ts";

/** Of a small context, an answer gets this share where the request does not say how long it may be. */
const ANSWER_SHARE = 1 / 8;

/**
 * Cuts the one clip of a request where it does not fit whole, or would be thinned out. No frame is decoded.
 *
 * @throws ApiError when there is not one clip, or no cut helps
 */
export async function planSegments(
  request: ChatRequest,
  context: MediaContext,
  parts: ContextParts,
): Promise<SegmentPlan> {
  const { media, contextTokens } = parts;
  const located = mediaParts(request);
  const clip = onlyClip(located);
  const [outline, ...others] = await Promise.all([
    media.outline(clip, context),
    ...located.filter(({ path }) => path !== clip.path).map((part) => media.plan(part, context)),
  ]);
  const usualAnswer = Math.min(SEGMENT_ANSWER_TOKENS, Math.floor(contextTokens * ANSWER_SHARE));
  const answerTokens = request.max_completion_tokens ?? request.max_tokens ?? usualAnswer;
  const budget = await ClipBudget.of({ request, clipPath: clip.path, others, answerTokens }, parts);
  return {
    ...placeOf(clip, request),
    duration: outline.duration,
    segments: segmentsOf(outline, budget, clip.path).map(({ start, end, sampled }) => ({
      start,
      end,
      video_tokens: tokensOf(sampled.plan.grid, media.mergeSize),
    })),
  };
}

function onlyClip(parts: readonly LocatedMedium[]): LocatedClip {
  const clips = parts.flatMap(({ part, path }) =>
    part.type === "image_url" ? [] : [{ part, path }],
  );
  const [clip] = clips;
  if (clip === undefined || clips.length > 1) {
    const message = `expected exactly one clip to be cut, got ${clips.length}`;
    throw new ApiError("invalid_request", message, { param: "messages" });
  }
  return clip;
}

type SampledSpan = Span & { sampled: SampledClip };

function segmentsOf(outline: ClipOutline, budget: ClipBudget, path: string): SampledSpan[] {
  const { whole, span, parts } = outline;
  const misfit = budget.misfit(whole.plan);
  if (misfit === undefined && !whole.isThinned) {
    return [{ ...span, sampled: whole }];
  }
  const uncut = parts === undefined ? LIST : parts.hasFixedCount ? FIXED_COUNT : undefined;
  if (parts === undefined || uncut !== undefined) {
    throw new ApiError(
      "context_length_exceeded",
      `the clip does not fit, and is not cut: ${misfit?.message}; ${uncut}`,
      { param: path },
    );
  }
  return cutParts(span, parts, budget, path);
}

const LIST = "a list of frames is used as it is: send fewer of them, or the clip itself";
const FIXED_COUNT =
  "shorter parts have as many frames (nframes): ask for a rate (fps), or for fewer frames or pixels";

function cutParts(whole: Span, parts: ClipParts, budget: ClipBudget, path: string): SampledSpan[] {
  const { shortest } = parts;
  const between = (span: Span) => at(path, () => parts.between(span));
  const reasonAgainst = (span: Span): string | undefined => {
    const { plan, isThinned } = between(span);
    return isThinned ? THINNED : budget.misfit(plan, SEGMENT_WORDS)?.message;
  };
  const fits = (span: Span) => reasonAgainst(span) === undefined;
  const cut = cutSegments(whole, { fits, shortest, maxSegments: MAX_SEGMENTS });
  switch (cut.outcome) {
    case "cut":
      return cut.segments.map((span) => ({ ...span, sampled: between(span) }));
    case "nothing fits": {
      const reason = reasonAgainst({ start: whole.end - shortest, end: whole.end });
      throw new ApiError(
        "context_length_exceeded",
        `not even ${shortest.toFixed(1)} s of the clip fit: ${reason ?? "it has no more than them"}`,
        { param: path },
      );
    }
    case "too many":
      throw new ApiError(
        "invalid_request",
        `the clip would be cut into ${cut.count} segments, expected at most ${MAX_SEGMENTS}; ask for a lower rate (fps) or fewer pixels (max_pixels)`,
        { param: path },
      );
  }
}

const THINNED = "max_frames leaves out some that the asked rate (fps) takes of them";

/** A client's error that names the part at fault. */
function at<T>(path: string, sample: () => T): T {
  try {
    return sample();
  } catch (error) {
    throw error instanceof ApiError ? error.at(path) : error;
  }
}

/** Where the part of a clip stands in its request. */
function placeOf({ part }: LocatedClip, { messages }: ChatRequest) {
  for (const [message, { content }] of messages.entries()) {
    const place = Array.isArray(content) ? content.findIndex((other) => other === part) : -1;
    if (place >= 0) {
      return { message, part: place };
    }
  }
  throw new Error("a clip of the request stands in none of its messages");
}
