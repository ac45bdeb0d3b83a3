import { beforeAll, describe, expect, inject, it } from "vitest";

import {
  callsOf,
  chat,
  chatWithPictures,
  createApiKey,
  failureOf,
  post,
  timesAsked,
  usageOf,
} from "./edge-client.ts";

beforeAll(() => createApiKey());

/** The promise is one second; a loaded test machine may take a little longer. */
const soon = { timeout: 5000 };

describe("a client that leaves", () => {
  it("in mid-stream stops the GPU worker; the exact usage is recorded", async () => {
    const client = new AbortController();
    const answer = await post(chat("never-ends", "mid-stream", { stream: true }), {
      signal: client.signal,
    });
    await answer.body?.getReader().read();
    const leftAt = Date.now();
    client.abort();
    await expect
      .poll(() => callsOf("mid-stream"), soon)
      .toMatchObject([{ wasClosed: true, wasAborted: true }]);
    expect(Date.now() - leftAt).toBeLessThan(1000);

    await expect.poll(() => usageOf("mid-stream"), soon).toHaveLength(1);
    const [record] = await usageOf("mid-stream");
    expect(record).toMatchObject({ outcome: "cut_off", prompt_tokens: 84, cached_tokens: 16 });
    expect(record?.["completion_tokens"]).toBeGreaterThan(1000); // told by the worker, not counted
  });

  it("by cancelling the body stops the GPU worker too", async () => {
    const answer = await post(chat("never-ends", "cancelled body", { stream: true }));
    const reader = answer.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await expect
      .poll(() => callsOf("cancelled body"), soon)
      .toMatchObject([{ wasClosed: true, wasAborted: true }]);
    await expect
      .poll(() => usageOf("cancelled body"), soon)
      .toMatchObject([{ outcome: "cut_off" }]);
  });

  it("before the first byte stops the GPU worker; the usage is recorded", async () => {
    const client = new AbortController();
    const answer = post(chat("never-ends", "not streamed"), { signal: client.signal });
    const ended = answer.catch((error: unknown) => error);
    await expect.poll(() => callsOf("not streamed"), soon).toHaveLength(1);
    const leftAt = Date.now();
    client.abort();
    await ended;
    await expect
      .poll(() => callsOf("not streamed"), soon)
      .toMatchObject([{ wasClosed: true, wasAborted: true }]);
    expect(Date.now() - leftAt).toBeLessThan(1000);
    await expect
      .poll(() => usageOf("not streamed"), soon)
      .toMatchObject([
        { outcome: "cut_off", prompt_tokens: 84, completion_tokens: 1000, reasoning_tokens: 40 },
      ]);
  });

  it("while its pictures are fetched costs the GPU worker nothing", async () => {
    const client = new AbortController();
    const url = `${inject("pictureServerUrl")}/no-headers.png?left`;
    const answer = post(chatWithPictures("left early", [url]), { signal: client.signal });
    const ended = answer.catch((error: unknown) => error);
    await expect.poll(() => timesAsked("/no-headers.png?left"), soon).toBe(1);
    client.abort();
    await ended;
    await scheduler.wait(200);
    expect(await callsOf("left early")).toEqual([]);
  });
});

describe("a GPU worker that breaks off", () => {
  it("breaks the answer; what was counted is recorded as failed", async () => {
    const answer = await post(chat("breaks-off", "broken", { stream: true }));
    await expect(answer.text()).rejects.toThrow("connection lost");
    await expect.poll(() => usageOf("broken"), soon).toMatchObject([{ outcome: "failed" }]);
    expect(await callsOf("broken")).toMatchObject([{ wasAborted: true }]);
  });
});

describe("a GPU worker that refuses", () => {
  it("is relayed with its status, body and Retry-After", async () => {
    const answer = await post(chat("overloaded", "refused"));
    expect(answer.status).toBe(503);
    expect(answer.headers.get("Retry-After")).toBe("7");
    expect(await answer.text()).toBe('{"error":{"message":"from the worker"}}');
    await expect
      .poll(() => usageOf("refused"), soon)
      .toMatchObject([{ outcome: "failed", completion_tokens: 0 }]);
  });

  it("our signature is our fault: 500, and nothing of it is shown", async () => {
    const failure = await failureOf(await post(chat("refuses-signature", "signature")));
    expect(failure).toMatchObject({ status: 500, code: "internal" });
    expect(failure.message).not.toMatch(/signature|secret/);
  });

  it("and answers with a page is a proxy that stands for it: 503", async () => {
    const answer = await post(chat("is-a-page", "page"));
    expect(answer.headers.get("Retry-After")).toBe("5");
    expect(await failureOf(answer)).toMatchObject({ status: 503, code: "overloaded" });
  });
});
