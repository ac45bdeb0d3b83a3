import type { BackendPool } from "./backend-pool.ts";
import { probeBackend } from "./probe-backend.ts";

export interface WaitOptions {
  /** Milliseconds since 1970. */
  deadline: number;
  signal: AbortSignal;
  /** Called when the first look has found nobody. */
  onLong?: (() => void) | undefined;
}

/** From a short look to a patient one: a restart takes a second, a machine that boots minutes. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4000;

/**
 * Asks all backends again and again whether they take requests. Resolves to whether one does before the
 * deadline; rejects as the signal aborts.
 */
export async function waitForBackend(
  { backends }: BackendPool,
  { deadline, signal, onLong }: WaitOptions,
): Promise<boolean> {
  let pauseMs = FIRST_PAUSE_MS;
  while (Date.now() + pauseMs <= deadline) {
    await pause(pauseMs, signal);
    const answers = await Promise.all(backends.map((backend) => probeBackend(backend, signal)));
    if (answers.includes(true)) {
      return true;
    }
    onLong?.();
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
  return false;
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const wake = () => resolve();
  signal.addEventListener("abort", wake, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", wake);
  signal.throwIfAborted();
}
