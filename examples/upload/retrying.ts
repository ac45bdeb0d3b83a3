const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 500;

/** Tries again, after ever longer pauses, what the network or a busy server has failed. */
export async function retrying(
  signal: AbortSignal | undefined,
  call: () => Promise<Response>,
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await call();
      if (attempt === ATTEMPTS || (response.status < 500 && response.status !== 429)) {
        return response;
      }
      await response.body?.cancel();
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt === ATTEMPTS) {
        throw error;
      }
    }
    await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1), signal);
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
