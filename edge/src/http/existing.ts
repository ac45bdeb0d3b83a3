import { ApiError } from "@qwen3-vl/shared/errors";

/**
 * What was found, where something was.
 *
 * @param param the field that names it
 * @throws ApiError `not_found`
 */
export function existing<T>(found: T | undefined, noun: string, param = "id"): T {
  if (found === undefined) {
    throw new ApiError("not_found", `There is no such ${noun}.`, { param });
  }
  return found;
}
