import { toApiError } from "@qwen3-vl/shared/errors";
import { parseJson } from "@qwen3-vl/shared/json";
import { formatComment, formatEvent } from "@qwen3-vl/shared/sse";

import { acceptUpTo, readUtf8 } from "../http/read-body.ts";

/** Proxies and clients give up on silence after 30 s and more. */
const PING_MS = 5000;

/** A refusal is a sentence or two. */
const MAX_REFUSAL_BYTES = 65_536;

const tooLong = () => new Error("the GPU worker's refusal is too long");

/**
 * A stream of server-sent events that is opened before there is anybody to answer: comments keep it alive
 * until the answer comes. Its status is 200 by then, so a refusal is told as the event `{"error":…}`, of
 * which OpenAI's clients make their exception.
 */
export class EarlyStream {
  readonly answer: Response;
  readonly #writable: WritableStream<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  readonly #ping: ReturnType<typeof setInterval>;

  /** @param onClientLeft is called when a comment can no longer be written */
  constructor(onClientLeft: (reason: unknown) => void) {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const headers = {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
    };
    this.answer = new Response(readable, { status: 200, headers });
    this.#writable = writable;
    this.#writer = writable.getWriter();
    const ping = () => void this.#write(formatComment("ping")).catch(onClientLeft);
    ping();
    this.#ping = setInterval(ping, PING_MS);
  }

  /** Ends the comments; who takes the stream writes the answer into it. */
  take(): WritableStream<Uint8Array> {
    clearInterval(this.#ping);
    this.#writer.releaseLock();
    return this.#writable;
  }

  /** Tells a refusal of the worker, whose body is JSON, and ends. */
  async refuse({ body }: Response): Promise<void> {
    const text = await readUtf8(body, acceptUpTo(MAX_REFUSAL_BYTES, tooLong));
    await this.#endWith(JSON.stringify(parseJson(text)));
  }

  /** Tells a failure and ends. */
  fail(error: unknown): Promise<void> {
    return this.#endWith(JSON.stringify(toApiError(error)));
  }

  async #endWith(data: string): Promise<void> {
    clearInterval(this.#ping);
    // Not waited for: a client that has left reads no more.
    this.#write(formatEvent({ data })).catch(() => {});
    await this.#writer.close().catch(() => {});
  }

  #write(text: string): Promise<void> {
    return this.#writer.write(this.#encoder.encode(text));
  }
}
