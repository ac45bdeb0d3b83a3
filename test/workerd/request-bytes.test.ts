import { MAX_BODY_BYTES } from "@qwen3-vl/shared/limits";
import { expect, it } from "vitest";

import { requestBytes } from "../../edge/src/http/request-bytes.ts";

const CHUNK = 1000;

/** A body that comes in chunks of 1,000 bytes and tells its length only where it is `announced`. */
function requestOf(length: number, announced?: number): Request {
  const { readable, writable } = new IdentityTransformStream();
  void send(length, writable);
  const headers = announced === undefined ? {} : { "Content-Length": String(announced) };
  return new Request("http://edge.test", { method: "POST", body: readable, headers });
}

/** Byte `i` is `i` modulo 251, so that none can come in the place of another. */
async function send(length: number, writable: WritableStream<Uint8Array>): Promise<void> {
  const writer = writable.getWriter();
  try {
    for (let at = 0; at < length; at += CHUNK) {
      await writer.write(patternOf(at, Math.min(length, at + CHUNK)));
    }
    await writer.close();
  } catch {
    // nobody reads on
  }
}

function patternOf(from: number, to: number): Uint8Array {
  return Uint8Array.from({ length: to - from }, (_, index) => (from + index) % 251);
}

const isPattern = (bytes: Uint8Array) => bytes.every((byte, index) => byte === index % 251);

it.each([0, 1, 999, 65_535, 65_536, 65_537, 131_072, 1_000_000])(
  "a body of %i bytes is read whole, announced or not",
  async (length) => {
    for (const announced of [length, undefined]) {
      const bytes = await requestBytes(requestOf(length, announced));
      expect(bytes.byteLength).toBe(length);
      expect(isPattern(bytes)).toBe(true);
    }
  },
);

it("no body has no bytes", async () => {
  expect(await requestBytes(new Request("http://edge.test"))).toEqual(new Uint8Array());
});

it("what comes beyond the announced length is not read", async () => {
  expect((await requestBytes(requestOf(5000, 1500))).byteLength).toBe(1500);
});

it("a body that is too large is refused, where it announces so before it is read", async () => {
  const announced = requestOf(10, MAX_BODY_BYTES + 1);
  await expect(requestBytes(announced)).rejects.toThrow(`larger than ${MAX_BODY_BYTES} bytes`);
  expect(announced.bodyUsed).toBe(false);
});

it("a body that turns out too large is refused at the first byte too many", async () => {
  const most = await requestBytes(unannounced(MAX_BODY_BYTES));
  expect(most.byteLength).toBe(MAX_BODY_BYTES);
  await expect(requestBytes(unannounced(MAX_BODY_BYTES + 1))).rejects.toThrow("larger than");
});

function unannounced(length: number): Request {
  const body = new Blob([new Uint8Array(length)]).stream();
  return new Request("http://edge.test", { method: "POST", body });
}
