import { ApiError } from "@qwen3-vl/shared/errors";
import type { ErrorCode } from "@qwen3-vl/shared/errors";

/** What a worker thread answers. Errors lose their class at the border, so the client's own travel as values. */
export type Outcome<T> =
  | { value: T }
  | { failure: { code: ErrorCode; message: string; param: string | undefined } };

/** In the thread: a client's error becomes a value, any other failure is thrown. */
export async function toOutcome<T>(work: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof ApiError) {
      const { code, message, param } = error;
      return { failure: { code, message, param } };
    }
    throw error;
  }
}

/** On the other side: the value, or the error thrown again. */
export function fromOutcome<T>(outcome: Outcome<T>): T {
  if ("failure" in outcome) {
    const { code, message, param } = outcome.failure;
    throw new ApiError(code, message, param === undefined ? {} : { param });
  }
  return outcome.value;
}
