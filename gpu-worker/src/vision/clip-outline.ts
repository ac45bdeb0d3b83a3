import type { ClipOptions } from "@qwen3-vl/shared/content-part";

import { isThinned, planClip } from "./clip-plan.ts";
import type { ClipPlan, ContainedClip } from "./clip-plan.ts";
import type { Span } from "./segment-cuts.ts";
import type { ClipSettings } from "./video-processor-config.ts";

/** A clip of which everything is known but its pixels. */
export interface ClipOutline {
  /** In seconds. */
  duration: number;
  /** What of it is asked for. */
  span: Span;
  /** As it is sampled without being cut. */
  whole: SampledClip;
  /** What can be cut of it: nothing of a list of frames. */
  parts: ClipParts | undefined;
}

export interface ClipParts {
  /** In seconds: with fewer frames than these there is nothing to sample. */
  shortest: number;
  /** Whether the number of frames was asked for, so that shorter parts have no fewer. */
  hasFixedCount: boolean;
  /** As a part is sampled whose beginning and end are said. @throws ApiError where the options refuse it */
  between: (span: Span) => SampledClip;
}

export interface SampledClip {
  plan: ClipPlan;
  /** Whether it has fewer frames than the asked rate would take, for there is a maximum. */
  isThinned: boolean;
}

/** Of a moment, the least of which an answer may tell anything. */
const SHORTEST_SECONDS = 1;

/** qwen-vl-utils' least. */
const LEAST_FRAMES = 4;

/** @param options of the part */
export function outlineClip(
  clip: ContainedClip,
  options: ClipOptions,
  settings: ClipSettings,
): ClipOutline {
  const duration = clip.frames / clip.measuredFps;
  const sampled = (asked: ClipOptions): SampledClip => ({
    plan: planClip(clip, asked, settings),
    isThinned: isThinned(clip, asked, settings),
  });
  return {
    duration,
    span: {
      start: options.video_start ?? 0,
      end: Math.min(options.video_end ?? duration, duration),
    },
    whole: sampled(options),
    parts: {
      shortest: Math.max(SHORTEST_SECONDS, LEAST_FRAMES / clip.measuredFps),
      hasFixedCount: options.nframes !== undefined,
      between: ({ start, end }) => sampled({ ...options, video_start: start, video_end: end }),
    },
  };
}

/** All of its frames are used. */
export function outlineFrameList(plan: ClipPlan): ClipOutline {
  const { seconds: duration } = plan;
  const whole = { plan, isThinned: false };
  return { duration, span: { start: 0, end: duration }, whole, parts: undefined };
}
