import { ApiError } from "@qwen3-vl/shared/errors";
import { WORKER_BUSY_HEADER } from "@qwen3-vl/shared/worker-load";

import { callGpuWorker } from "../inference/gpu-worker-client.ts";
import type { GpuWorker, GpuWorkerCall } from "../inference/gpu-worker-client.ts";
import { waitForBackend } from "./await-backend.ts";
import type { Backend, BackendPool } from "./backend-pool.ts";
import { probeBackend } from "./probe-backend.ts";

/** A call that any of the workers may answer. */
export interface BackendCall {
  pool: BackendPool;
  /** Which conversation it belongs to; the same goes to the same worker where it can. */
  conversation: string;
  call: GpuWorkerCall;
  /** How long to wait for a worker while none takes the call. */
  waitMs: number;
  /** Called when it goes to a worker, before the first byte is sent. */
  onAttempt?: (worker: GpuWorker) => void;
  /** Called once when it has become clear that this takes long. */
  onWait?: () => void;
  /** Called when a worker failed or refused; the call goes elsewhere, if it can. */
  onFailure?: (worker: GpuWorker, kind: "failed" | "busy") => void;
  /** Keeps the request's context for what goes on behind its back. */
  background: (task: Promise<unknown>) => void;
}

export interface BackendAnswer {
  response: Response;
  /** To be called when the answer has ended: until then the call counts as one that is there. */
  leave: () => void;
}

/** A request that kills its worker must not go round and kill them all. */
const MAX_FAILED_SENDS = 3;

/**
 * Sends a call to the backend its conversation prefers, and to the next when that fails before the first
 * byte of an answer. Where none takes it, waits for one.
 *
 * An answer is an answer, also of status 500: whoever has begun with a request may have cost something.
 *
 * @throws ApiError `overloaded` when there is no backend in time; the signal's reason when that aborts
 */
export async function sendToBackend(call: BackendCall): Promise<BackendAnswer> {
  const {
    pool,
    conversation,
    call: { signal },
    waitMs,
  } = call;
  const deadline = Date.now() + waitMs;
  let sendsLeft = MAX_FAILED_SENDS;
  let failure: Error | undefined;
  for (;;) {
    probeHalfOpen(call);
    for (const backend of pool.candidates(conversation, Date.now())) {
      const tried = await trySend(backend, call);
      if ("response" in tried) {
        return tried;
      }
      failure = isPassing(tried.failure) ? tried.failure : (failure ?? tried.failure);
      sendsLeft -= tried.kind === "failed" ? 1 : 0;
      if (sendsLeft === 0) {
        throw failure;
      }
    }
    failure ??= new Error("there is no backend");
    // A secret that differs does not mend itself.
    const isBack =
      isPassing(failure) && (await waitForBackend(pool, { deadline, signal, onLong: call.onWait }));
    if (!isBack) {
      throw failure;
    }
  }
}

/** Whether another try, elsewhere or later, may go better. */
function isPassing(failure: Error): boolean {
  return failure instanceof ApiError;
}

/** Backends whose time is over may be back: found out beside the request, not by it. */
function probeHalfOpen({ pool, background }: BackendCall): void {
  const now = Date.now();
  for (const backend of pool.backends) {
    if (backend.takeProbe(now)) {
      background(probeBackend(backend, new AbortController().signal));
    }
  }
}

type Tried = BackendAnswer | { kind: "failed" | "busy"; failure: Error };

async function trySend(backend: Backend, { call, ...hooks }: BackendCall): Promise<Tried> {
  const { worker, inFlight: ownBefore } = backend;
  const leave = backend.enter();
  hooks.onAttempt?.(worker);
  try {
    const response = await callGpuWorker(worker, call);
    const { status, headers } = response;
    if (status === 503 && headers.has(WORKER_BUSY_HEADER)) {
      await response.body?.cancel();
      leave();
      const seconds = busySeconds(headers);
      backend.refused(headers, ownBefore, Date.now(), seconds * 1000);
      hooks.onFailure?.(worker, "busy");
      return { kind: "busy", failure: allBusy(seconds) };
    }
    backend.answered(headers, ownBefore, Date.now());
    return { response, leave };
  } catch (error) {
    leave();
    call.signal.throwIfAborted();
    backend.failed(Date.now());
    hooks.onFailure?.(worker, "failed");
    return { kind: "failed", failure: error instanceof Error ? error : new Error(String(error)) };
  }
}

/** A worker does not take itself out for longer than a breaker would. */
const MAX_BUSY_SECONDS = 60;

function busySeconds(headers: Headers): number {
  const seconds = Number(headers.get("Retry-After") ?? 1);
  return seconds >= 0 ? Math.min(seconds, MAX_BUSY_SECONDS) : 1;
}

function allBusy(retryAfterSeconds: number): ApiError {
  return new ApiError("overloaded", "All GPU workers are busy now; try again shortly.", {
    retryAfterSeconds,
  });
}
