import type { Context } from "hono";

/**
 * workerd ends a handler when its client leaves; with this, work goes on until it has settled, so that
 * it can tidy up. It must heed the client's signal itself.
 */
export function untilSettled<T>(
  { executionCtx }: Pick<Context, "executionCtx">,
  work: Promise<T>,
): Promise<T> {
  executionCtx.waitUntil(Promise.allSettled([work]));
  return work;
}
