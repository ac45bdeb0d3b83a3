import { ApiError } from "@qwen3-vl/shared/errors";
import { sha256Hex } from "@qwen3-vl/shared/signature";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";

import type { AppEnv } from "../env.ts";
import { requestBytes } from "../http/request-bytes.ts";
import { IDEMPOTENCY_KEY_HEADER, REPLAYED_HEADER } from "../idempotency/idempotency-headers.ts";
import { MAX_KEPT_BYTES, RENEW_EVERY_MS } from "../idempotency/idempotent-answer.ts";
import type { IdempotentAnswer, KeptAnswer } from "../idempotency/idempotent-answer.ts";
import { KeptBytes, isWhole, isWorthKeeping } from "../idempotency/kept-bytes.ts";
import { createLogger } from "../observability/logger.ts";

/** Visible ASCII, quoted or not. */
const KEY = /^[\x21-\x7e]{1,255}$/;

type Stub = DurableObjectStub<IdempotentAnswer>;

/**
 * With the header `Idempotency-Key`, a repeat gets the first answer, byte for byte; another request
 * under the same key is refused, and so is a repeat while the first one is being answered. Answers
 * that may go well another time are not kept.
 */
export const idempotent = createMiddleware<AppEnv>(async (c, next) => {
  const key = c.req.header(IDEMPOTENCY_KEY_HEADER);
  if (key === undefined) {
    return next();
  }
  if (!KEY.test(key)) {
    throw new ApiError(
      "invalid_request",
      "Idempotency-Key: expected 1 to 255 visible ASCII characters.",
      { param: IDEMPOTENCY_KEY_HEADER },
    );
  }
  const fingerprint = await takeFingerprint(c);
  const { IDEMPOTENT_ANSWER: namespace } = c.env;
  const answer = namespace.get(namespace.idFromName(`${c.var.apiKey.tenant}\n${key}`));
  const beginning = await answer.begin(fingerprint);
  switch (beginning.kind) {
    case "begun":
      return follow(c, next, { answer, attempt: beginning.attempt });
    case "answered":
      return replay(beginning.answer);
    case "mismatch":
      throw new ApiError(
        "idempotency_mismatch",
        "Idempotency-Key: the key was used for a request with another body or path; expected the same, or a new key.",
        { param: IDEMPOTENCY_KEY_HEADER },
      );
    case "in_flight":
      throw new ApiError(
        "conflict",
        "Idempotency-Key: the first request with this key is still being answered.",
        { param: IDEMPOTENCY_KEY_HEADER, retryAfterSeconds: 1 },
      );
    case "not_kept":
      c.header("x-should-retry", "false"); // OpenAI's clients repeat a 409 otherwise
      throw new ApiError(
        "conflict",
        `Idempotency-Key: the first answer had more than ${MAX_KEPT_BYTES} bytes and was not kept; use a new key to ask again.`,
        { param: IDEMPOTENCY_KEY_HEADER },
      );
  }
});

/** Reads the body for it, and puts another request with the same body in the place of this one. */
async function takeFingerprint(c: Context<AppEnv>): Promise<string> {
  const { url, method, headers, signal } = c.req.raw;
  const bytes = await requestBytes(c.req.raw);
  c.req.raw = new Request(url, { method, headers, signal, body: bytes });
  return sha256Hex(`${method} ${c.req.path}\n${await sha256Hex(bytes)}`);
}

function replay({ status, contentType, body }: KeptAnswer): Response {
  const headers = {
    "Content-Type": contentType,
    "Cache-Control": "no-store",
    [REPLAYED_HEADER]: "true",
  };
  return new Response(body, { status, headers });
}

/** Answers the request and keeps what it answers, if it comes to its end. */
async function follow(
  c: Context<AppEnv>,
  next: () => Promise<void>,
  { answer, attempt }: { answer: Stub; attempt: number },
): Promise<void> {
  const logger = createLogger(c.env.LOG);
  const warn = (cause: unknown) => logger.warn("idempotency_failed", { cause });
  const renewal = setInterval(() => void answer.renew(attempt).catch(warn), RENEW_EVERY_MS);
  await next();
  const { status, body, headers } = c.res;
  if (body === null || !isWorthKeeping(status)) {
    clearInterval(renewal);
    await answer.abandon(attempt).catch(warn);
    return;
  }
  const contentType = headers.get("Content-Type") ?? "";
  const kept = new KeptBytes(MAX_KEPT_BYTES);
  let hasEnded = false;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      controller.enqueue(chunk);
      kept.push(chunk);
    },
    // Before the client sees the end: a repeat that follows at once finds the answer. An answer that
    // cannot be kept is no worse for it.
    async flush() {
      hasEnded = true;
      await keep({ answer, attempt }, { status, contentType }, kept).catch(warn);
    },
  });
  const end = async () => {
    clearInterval(renewal);
    if (!hasEnded) {
      await answer.abandon(attempt).catch(warn);
    }
  };
  // Where the reader has left, workerd's pipe resolves as if all had been well.
  c.executionCtx.waitUntil(body.pipeTo(writable).then(end, end));
  c.res = new Response(readable, c.res);
}

async function keep(
  { answer, attempt }: { answer: Stub; attempt: number },
  head: Pick<KeptAnswer, "status" | "contentType">,
  kept: KeptBytes,
): Promise<void> {
  const body = kept.bytes();
  if (kept.isTooLarge) {
    await answer.keepNothing(attempt);
  } else if (isWhole(head.contentType, body)) {
    await answer.keep(attempt, { ...head, body });
  } else {
    await answer.abandon(attempt);
  }
}
