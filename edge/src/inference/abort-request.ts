import { abortPath, RequestRecord } from "@qwen3-vl/shared/worker-protocol";

import type { UsageCounts } from "../usage/usage-records.ts";
import { callGpuWorker } from "./gpu-worker-client.ts";
import type { GpuWorker } from "./gpu-worker-client.ts";

/** After a client has left, the platform lets a Worker run for 30 s; the record is written in them too. */
const ABORT_TIMEOUT_MS = 10_000;

/** Ends a request on its GPU worker; resolves to its exact usage, or undefined if it never got there. */
export async function abortRequest(
  worker: GpuWorker,
  requestId: string,
): Promise<UsageCounts | undefined> {
  const response = await callGpuWorker(worker, {
    method: "POST",
    path: abortPath(requestId),
    signal: AbortSignal.timeout(ABORT_TIMEOUT_MS),
  });
  if (response.status === 404) {
    await response.body?.cancel();
    return undefined;
  }
  const { usage } = RequestRecord.parse(await response.json());
  return {
    prompt: usage.prompt_tokens,
    cached: usage.prompt_tokens_details.cached_tokens,
    image: usage.prompt_tokens_details.image_tokens,
    video: usage.prompt_tokens_details.video_tokens,
    completion: usage.completion_tokens,
    reasoning: usage.completion_tokens_details.reasoning_tokens,
  };
}
