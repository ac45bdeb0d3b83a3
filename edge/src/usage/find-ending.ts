import { NO_MEDIA } from "@qwen3-vl/shared/media-figures";
import { NO_TOKENS } from "@qwen3-vl/shared/usage";
import { RequestRecord, requestPath } from "@qwen3-vl/shared/worker-protocol";

import { callGpuWorker } from "../inference/gpu-worker-client.ts";
import type { GpuWorker } from "../inference/gpu-worker-client.ts";
import type { Outcome, RequestEnding, UsageCounts } from "./usage-records.ts";

const TIMEOUT_MS = 10_000;

const OUTCOMES: Readonly<Record<RequestRecord["state"], Outcome>> = {
  answered: "completed",
  failed: "failed",
  aborted: "cut_off",
  running: "cut_off",
};

/** A request's ending as a GPU worker tells it; for `unknown` there is no such request there. */
export type FoundEnding = RequestEnding | "running" | "unknown";

/**
 * Asks the GPU workers how a request has ended whose edge has not told. Where several know it, the
 * one that has read its prompt is right: the others refused it.
 *
 * @throws ApiError when a worker does not answer and no other knows
 */
export async function findEnding(
  workers: readonly GpuWorker[],
  requestId: string,
): Promise<FoundEnding> {
  const asked = await Promise.allSettled(workers.map((worker) => askWorker(worker, requestId)));
  const records = asked.flatMap((each) =>
    each.status === "fulfilled" && each.value !== undefined ? [each.value] : [],
  );
  const [record] = records.toSorted((a, b) => b.usage.total_tokens - a.usage.total_tokens);
  if (record !== undefined) {
    return records.some(({ state }) => state === "running") ? "running" : endingOf(record);
  }
  const silent = asked.find((each) => each.status === "rejected");
  if (silent !== undefined) {
    throw silent.reason;
  }
  return "unknown";
}

export const NEVER_BEGUN: RequestEnding = {
  outcome: "failed",
  counts: NO_TOKENS,
  media: NO_MEDIA,
};

export function endingOf({ state, usage, media }: RequestRecord): RequestEnding {
  return { outcome: OUTCOMES[state], counts: countsOf(usage), media };
}

function countsOf(usage: RequestRecord["usage"]): UsageCounts {
  return {
    prompt: usage.prompt_tokens,
    cached: usage.prompt_tokens_details.cached_tokens,
    image: usage.prompt_tokens_details.image_tokens,
    video: usage.prompt_tokens_details.video_tokens,
    completion: usage.completion_tokens,
    reasoning: usage.completion_tokens_details.reasoning_tokens,
  };
}

async function askWorker(worker: GpuWorker, id: string): Promise<RequestRecord | undefined> {
  const response = await callGpuWorker(worker, {
    method: "GET",
    path: requestPath(id),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status === 404) {
    await response.body?.cancel();
    return undefined;
  }
  return RequestRecord.parse(await response.json());
}
