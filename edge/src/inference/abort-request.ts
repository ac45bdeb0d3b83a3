import { abortPath, RequestRecord } from "@qwen3-vl/shared/worker-protocol";

import { endingOf } from "../usage/find-ending.ts";
import type { RequestEnding } from "../usage/usage-records.ts";
import { callGpuWorker } from "./gpu-worker-client.ts";
import type { GpuWorker } from "./gpu-worker-client.ts";

/** After a client has left, the platform lets a Worker run for 30 s; the record is written in them too. */
const ABORT_TIMEOUT_MS = 10_000;

/** Ends a request on its GPU worker; resolves to what it used exactly, or undefined if it never got there. */
export async function abortRequest(
  worker: GpuWorker,
  requestId: string,
): Promise<RequestEnding | undefined> {
  const response = await callGpuWorker(worker, {
    method: "POST",
    path: abortPath(requestId),
    signal: AbortSignal.timeout(ABORT_TIMEOUT_MS),
  });
  if (response.status === 404) {
    await response.body?.cancel();
    return undefined;
  }
  return endingOf(RequestRecord.parse(await response.json()));
}
