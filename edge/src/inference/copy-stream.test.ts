import { describe, expect, it } from "vitest";

import { copyStream } from "./copy-stream.ts";

const ignore = () => {};
const bytes = (length: number) => new Uint8Array(length);

describe("copyStream", () => {
  it("copies to the end and shows each chunk", async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const source = new Blob(["one two"]).stream();
    let seen = 0;
    const end = copyStream(source, writable, new AbortController(), (chunk) => {
      seen += chunk.byteLength;
    });
    expect(await new Response(readable).text()).toBe("one two");
    expect(await end).toBe("source_ended");
    expect(seen).toBe(7);
  });

  it("stops the source when the reader leaves", async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const stop = new AbortController();
    const source = breakingOn(stop.signal);
    const end = copyStream(source, writable, stop, ignore);
    await readable.cancel();
    expect(await end).toBe("stopped");
  });

  it("breaks the copy when the source breaks", async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("connection lost")),
    });
    const end = copyStream(source, writable, new AbortController(), ignore);
    await expect(new Response(readable).text()).rejects.toThrow("connection lost");
    expect(await end).toBe("source_broke");
  });

  it("does not read far ahead of a reader that does not read, and still can be stopped", async () => {
    const { writable } = new TransformStream<Uint8Array, Uint8Array>();
    const stop = new AbortController();
    let copied = 0;
    const end = copyStream(breakingOn(stop.signal), writable, stop, (chunk) => {
      copied += chunk.byteLength;
    });
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 50);
    });
    expect(copied).toBeLessThan(2 ** 20 + 2 ** 17);
    stop.abort();
    expect(await end).toBe("stopped");
  });
});

/** Endless, as a fetched body whose request is aborted by `signal`. */
function breakingOn(signal: AbortSignal): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await new Promise<void>((resolve) => {
        setTimeout(resolve);
      });
      if (signal.aborted) {
        controller.error(signal.reason);
      } else {
        controller.enqueue(bytes(2 ** 16));
      }
    },
  });
}
