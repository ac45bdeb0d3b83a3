import { toInvalidRequest } from "@qwen3-vl/shared/invalid-request";
import type * as z from "zod";

import { readJson } from "./read-json.ts";

/** A request's JSON body as the schema has it; where `optional`, none at all is `{}`. @throws ApiError that names the field at fault */
export async function parseJsonBody<T extends z.ZodType>(
  request: Request,
  schema: T,
  { optional = false }: { optional?: boolean } = {},
): Promise<z.infer<T>> {
  const isAbsent = request.body === null || request.headers.get("Content-Length") === "0";
  return parseValue(optional && isAbsent ? {} : await readJson(request), schema);
}

/** @throws ApiError that names the field at fault */
export function parseValue<T extends z.ZodType>(value: unknown, schema: T): z.infer<T> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (!parsed.success) {
    throw toInvalidRequest(parsed.error);
  }
  return parsed.data;
}
