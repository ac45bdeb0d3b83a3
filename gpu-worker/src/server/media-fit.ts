import { ApiError } from "@qwen3-vl/shared/errors";

import type { VisionFeatures } from "../engine/model.ts";
import type { MemoryPlan } from "../memory-plan.ts";
import { encoderBytes, featureBytes, patchBytes } from "../model/vision-memory.ts";
import { largestRun } from "../model/vision-strips.ts";
import type { PromptMedium } from "../prompt/prompt-media.ts";
import { tokensOf } from "../vision/grid.ts";
import type { VisionEncoderConfig } from "../weights/model-config.ts";

/** What of a medium its memory is known by. */
export interface SizedMedium {
  /** Of its part in the request. */
  path: string;
  prompt: PromptMedium;
  /** Of a medium that was encoded before. */
  features: VisionFeatures | undefined;
}

/** Bytes of patches until they are encoded, and of features until the answer ends: twice where several are joined. */
export function mediaBytes(media: readonly SizedMedium[], config: VisionEncoderConfig): number {
  const copies = media.length > 1 ? 2 : 1;
  return media.reduce((sum, { prompt, features }) => {
    const { t, h, w } = prompt.grid;
    const pixels = features === undefined ? patchBytes(config, t * h * w) : 0;
    return sum + pixels + copies * featureBytes(config, tokensOf(prompt.grid, config.mergeSize));
  }, 0);
}

/** Why there is no memory for these media at all, how much they need, and how much there is; undefined where there is. */
export function misfitOf(
  media: readonly SizedMedium[],
  config: VisionEncoderConfig,
  memory: Pick<MemoryPlan, "encoderBytes" | "mediaBytes">,
): ApiError | undefined {
  for (const { path, prompt } of media) {
    const { t, h, w } = prompt.grid;
    const bytes = encoderBytes(config, largestRun({ t, h, w }, config.mergeSize));
    if (bytes > memory.encoderBytes) {
      return new ApiError(
        "media_too_large",
        `${h * w} patches (${w} x ${h}) need ${bytes} bytes of memory while they are encoded, expected at most ${memory.encoderBytes}; ask for fewer pixels, for example with max_pixels`,
        { param: path },
      );
    }
  }
  const bytes = mediaBytes(media, config);
  return bytes > memory.mediaBytes
    ? new ApiError(
        "media_too_large",
        `the patches and features of the pictures and clips need ${bytes} bytes of memory, expected at most ${memory.mediaBytes}; ask for fewer pixels or frames`,
        { param: "messages" },
      )
    : undefined;
}
