import { toGpuWorker } from "../inference/gpu-worker-client.ts";
import type { GpuWorker } from "../inference/gpu-worker-client.ts";

/** Variables that say where the GPU workers are. */
export interface BackendVariables {
  /** One address, or several with white space or commas between them. */
  GPU_WORKER_URL: string;
  GPU_WORKER_SECRET?: string;
  BACKEND_WAIT_SECONDS?: string;
}

/** Bounds a mistyped setting: no client waits longer for its first byte. */
const MAX_WAIT_SECONDS = 900;

/** The workers of this deployment, each once. @throws Error for an address or secret that cannot be used */
export function gpuWorkersOf({ GPU_WORKER_URL, GPU_WORKER_SECRET }: BackendVariables): GpuWorker[] {
  const addresses = GPU_WORKER_URL.split(/[\s,]+/).filter((address) => address !== "");
  const hrefs = new Set(addresses.map((address) => new URL(address).href));
  if (hrefs.size === 0) {
    throw new Error("GPU_WORKER_URL names no GPU worker");
  }
  return [...hrefs].map((href) => toGpuWorker(href, GPU_WORKER_SECRET));
}

/** How long a request waits for a worker that is down, starting or full; 0 unless set. */
export function backendWaitMs({ BACKEND_WAIT_SECONDS }: BackendVariables): number {
  const text = BACKEND_WAIT_SECONDS ?? "";
  const seconds = text === "" ? 0 : Number(text);
  if (!(seconds >= 0 && seconds <= MAX_WAIT_SECONDS)) {
    throw new Error(
      `BACKEND_WAIT_SECONDS=${text}: expected a number from 0 to ${MAX_WAIT_SECONDS}`,
    );
  }
  return seconds * 1000;
}
