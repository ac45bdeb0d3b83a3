import { ApiError } from "@qwen3-vl/shared/errors";
import { MAX_BODY_BYTES } from "@qwen3-vl/shared/limits";

/** Of a body whose length nobody has announced; most are short. */
const FIRST_BYTES = 65_536;

/**
 * A request's body, read into one buffer: iterating over the stream gives 4 KiB at a time, and takes 65 ms
 * more for 13 MB.
 *
 * @throws ApiError where it has more than `MAX_BODY_BYTES`; the rest of it is never read
 */
export async function requestBytes({ headers, body }: Request): Promise<Uint8Array<ArrayBuffer>> {
  const announced = headers.get("Content-Length");
  if (Number(announced) > MAX_BODY_BYTES) {
    throw bodyTooLarge();
  }
  if (body === null) {
    return new Uint8Array();
  }
  const reader = body.getReader({ mode: "byob" });
  try {
    return announced === null
      ? await readUnannounced(reader)
      : await fill(reader, new Uint8Array(Number(announced)), 0);
  } finally {
    await reader.cancel();
  }
}

async function readUnannounced(reader: ReadableStreamBYOBReader): Promise<Uint8Array<ArrayBuffer>> {
  let size = FIRST_BYTES;
  let bytes = await fill(reader, new Uint8Array(size), 0);
  while (bytes.byteLength === size) {
    if (size > MAX_BODY_BYTES) {
      throw bodyTooLarge();
    }
    const begun = bytes;
    size = Math.min(2 * size, MAX_BODY_BYTES + 1);
    bytes = new Uint8Array(size);
    bytes.set(begun);
    bytes = await fill(reader, bytes, begun.byteLength);
  }
  return bytes;
}

/** Reads on from `offset`. @returns what is there, which is less than there is room for where the body has ended */
async function fill(
  reader: ReadableStreamBYOBReader,
  bytes: Uint8Array<ArrayBuffer>,
  offset: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const room = bytes.byteLength - offset;
  if (room === 0) {
    return bytes;
  }
  const { value } = await reader.readAtLeast(room, bytes.subarray(offset));
  if (value === undefined) {
    throw new Error("the stream has kept the buffer that it was lent");
  }
  return new Uint8Array(value.buffer, 0, offset + value.byteLength);
}

/** More bytes than a JSON body may have. */
function bodyTooLarge(): ApiError {
  return new ApiError("request_too_large", `The body is larger than ${MAX_BODY_BYTES} bytes.`, {
    param: "body",
  });
}
