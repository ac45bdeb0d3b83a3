import { HEALTH_PATH } from "@qwen3-vl/shared/worker-protocol";

import { callGpuWorker } from "../inference/gpu-worker-client.ts";
import type { Backend } from "./backend-pool.ts";

/** A worker answers at once, whatever it is busy with; one that does not is not there. */
const TIMEOUT_MS = 2000;
/** What asks again is on its own clock. */
const BUSY_MS = 1000;

/**
 * Asks a worker, by a signed call, whether it takes requests, and notes it at the backend.
 * Resolves to whether it does; rejects only as `signal` aborts.
 */
export async function probeBackend(backend: Backend, signal: AbortSignal): Promise<boolean> {
  const ownBefore = backend.inFlight;
  try {
    const response = await callGpuWorker(backend.worker, {
      method: "GET",
      path: HEALTH_PATH,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await response.body?.cancel();
    const { ok, headers } = response;
    if (ok) {
      backend.answered(headers, ownBefore, Date.now());
    } else {
      backend.refused(headers, ownBefore, Date.now(), BUSY_MS);
    }
    return ok;
  } catch {
    signal.throwIfAborted();
    backend.failed(Date.now());
    return false;
  }
}
