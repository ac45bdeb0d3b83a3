import { ApiError } from "@qwen3-vl/shared/errors";

/** A part of a form; its bytes must be read, or are skipped, before the next part comes. */
export interface FormPart {
  name: string;
  /** Undefined for a plain field. */
  filename: string | undefined;
  bytes: AsyncGenerator<Uint8Array>;
}

const BOUNDARY = /^multipart\/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i;
const MAX_HEADER_BYTES = 8192;
const CRLF = "\r\n";

/**
 * Reads `multipart/form-data` part by part as it comes; `formData()` would hold all of it.
 *
 * @param options.drainRefused development only: reads the rest of a form that is given up, as Cloudflare's
 *   proxies do; else a client that is still sending sees a reset connection and no answer
 * @throws ApiError when the body is not of that form
 */
export async function* readForm(
  request: Request,
  { drainRefused = false }: { drainRefused?: boolean } = {},
): AsyncGenerator<FormPart> {
  const type = request.headers.get("Content-Type") ?? "none";
  const [, quoted, plain] = BOUNDARY.exec(type) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined || request.body === null) {
    throw malformed(`expected multipart/form-data with a boundary, got ${type.slice(0, 100)}`);
  }
  const source = request.body[Symbol.asyncIterator]();
  try {
    const reader = new FormReader(source, encode(`${CRLF}--${boundary}`));
    await skip(reader.untilDelimiter()); // a preamble, which nobody sends
    while (await reader.hasNext()) {
      const { name, filename } = parseHeaders(await reader.headers());
      const bytes = reader.untilDelimiter();
      yield { name, filename, bytes };
      await skip(bytes);
    }
  } finally {
    if (drainRefused && !request.signal.aborted) {
      while ((await source.next()).done !== true) {
        // dropped
      }
    }
    await source.return?.(); // nothing more is read of a form that is given up
  }
}

class FormReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #delimiter: Uint8Array;
  /** Begins as if a line ended before the body, so that the first boundary is like the others. */
  #buffer: Uint8Array = encode(CRLF);

  constructor(source: AsyncIterator<Uint8Array>, delimiter: Uint8Array) {
    this.#source = source;
    this.#delimiter = delimiter;
  }

  /** All bytes up to the next delimiter, which is consumed. */
  async *untilDelimiter(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const index = indexOf(this.#buffer, this.#delimiter);
      if (index !== -1) {
        const before = this.#buffer.subarray(0, index);
        this.#buffer = this.#buffer.subarray(index + this.#delimiter.length);
        yield before;
        return;
      }
      // The delimiter may have begun at the end of what is here.
      const safe = this.#buffer.length - this.#delimiter.length + 1;
      if (safe > 0) {
        const before = this.#buffer.subarray(0, safe);
        this.#buffer = this.#buffer.subarray(safe);
        yield before;
      }
      await this.#pull();
    }
  }

  /** After a delimiter: whether a part follows, or the end. */
  async hasNext(): Promise<boolean> {
    while (this.#buffer.length < 2) {
      await this.#pull();
    }
    const mark = decode(this.#buffer.subarray(0, 2));
    this.#buffer = this.#buffer.subarray(2);
    if (mark !== CRLF && mark !== "--") {
      throw malformed("expected a line's end after a boundary");
    }
    return mark === CRLF;
  }

  async headers(): Promise<string> {
    const end = encode(CRLF + CRLF);
    let index = indexOf(this.#buffer, end);
    while (index === -1) {
      if (this.#buffer.length > MAX_HEADER_BYTES) {
        throw malformed(`expected headers of at most ${MAX_HEADER_BYTES} bytes`);
      }
      await this.#pull();
      index = indexOf(this.#buffer, end);
    }
    const headers = decode(this.#buffer.subarray(0, index));
    this.#buffer = this.#buffer.subarray(index + end.length);
    return headers;
  }

  async #pull(): Promise<void> {
    const next = await this.#source.next();
    if (next.done === true) {
      throw malformed("it ends before its last boundary");
    }
    const joined = new Uint8Array(this.#buffer.length + next.value.length);
    joined.set(this.#buffer);
    joined.set(next.value, this.#buffer.length);
    this.#buffer = joined;
  }
}

function parseHeaders(text: string): Pick<FormPart, "name" | "filename"> {
  const disposition = /^content-disposition:(.*)$/im.exec(text)?.[1] ?? "";
  const name = parameter(disposition, "name");
  if (name === undefined) {
    throw malformed("a part has no name");
  }
  return { name, filename: parameter(disposition, "filename") };
}

/** Quotes and line ends in a value come percent-encoded, as the HTML standard has it. */
function parameter(disposition: string, name: string): string | undefined {
  const value = new RegExp(`[;\\s]${name}="((?:[^"\\\\]|\\\\.)*)"`, "i").exec(disposition)?.[1];
  return value
    ?.replaceAll(/\\(["\\])/g, "$1")
    .replaceAll(/%22/g, '"')
    .replaceAll(/%0d%0a|%0d|%0a/gi, " ");
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  const [first = 0] = wanted;
  const last = bytes.length - wanted.length;
  for (let at = bytes.indexOf(first); at !== -1 && at <= last; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, offset) => bytes[at + offset] === byte)) {
      return at;
    }
  }
  return -1;
}

async function skip(bytes: AsyncGenerator<Uint8Array>): Promise<void> {
  for await (const _ of bytes) {
    // dropped
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function malformed(reason: string): ApiError {
  return new ApiError("invalid_request", `The form cannot be read: ${reason}.`, { param: "body" });
}
