import type { IncomingMessage } from "node:http";

import { ApiError } from "@qwen3-vl/shared/errors";
import { parseJson } from "@qwen3-vl/shared/json";
import { MAX_BODY_BYTES } from "@qwen3-vl/shared/limits";
import type * as z from "zod";

/** A body that was read and signed, as its schema has it. */
export interface SignedJson<T> {
  value: T;
  bytes: number;
}

/** How a call is known to be the edge's. */
export interface SignedCaller {
  /** @throws ApiError unless the call with this content was signed */
  verify: (incoming: IncomingMessage, content: string) => Promise<void>;
  maxBytes?: number;
}

/** @throws ApiError when the call was not signed, is too large, or not of the schema */
export async function readSignedJson<T>(
  incoming: IncomingMessage,
  schema: z.ZodType<T>,
  { verify, maxBytes = MAX_BODY_BYTES }: SignedCaller,
): Promise<SignedJson<T>> {
  const body = await readBody(incoming, maxBytes);
  const text = body.toString("utf8");
  await verify(incoming, text);
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const param = issue?.path.map(String).join(".") ?? "";
    throw new ApiError("invalid_request", `${param || "body"}: ${issue?.message}.`, { param });
  }
  return { value: parsed.data, bytes: body.length };
}

/** What is too long is read on and dropped, so that the answer can be sent. */
async function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  incoming.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length <= maxBytes) {
      chunks.push(chunk);
    } else {
      chunks.length = 0;
      const message = `expected a body of at most ${maxBytes} bytes`;
      reject(new ApiError("request_too_large", message));
    }
  });
  incoming.on("end", () => resolve(Buffer.concat(chunks)));
  incoming.on("error", reject);
  incoming.on("aborted", () => {
    reject(new ApiError("client_closed_request", "The body ended early."));
  });
  return promise;
}
