import { ChatCompletion, ChatCompletionChunk } from "@qwen3-vl/shared/chat-completion";
import { parseEvents } from "@qwen3-vl/shared/sse";
import type { ServerSentEvent } from "@qwen3-vl/shared/sse";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { ChoiceEvent } from "../engine/choices.ts";
import type { GenerationRequest } from "../engine/generator.ts";
import type { TokenLogprobs } from "../engine/logprobs.ts";
import { send } from "./test-calls.ts";
import { CONTEXT, MODEL } from "./test-threads.ts";
import { TestWorker, chatCall, eventOf, eventsOf, streamOf } from "./test-worker.ts";
import type { Chat } from "./test-worker.ts";

const picture = await sharp({
  create: { width: 64, height: 96, channels: 3, background: "red" },
})
  .png()
  .toBuffer();

let worker: TestWorker;
beforeAll(async () => {
  worker = await TestWorker.start({ places: 2 });
});
afterAll(() => worker.stop());

async function ask(chat: Chat) {
  const { status, headers, text } = await send(worker, await chatCall(chat));
  return { status, headers, body: JSON.parse(text) as unknown };
}

async function stream(chat: Chat): Promise<ServerSentEvent[]> {
  const { text } = await send(
    worker,
    await chatCall({ ...chat, body: { ...chat.body, stream: true } }),
  );
  const events: ServerSentEvent[] = [];
  for await (const event of parseEvents(streamOf(text))) {
    events.push(event);
  }
  return events;
}

function chunk({ data }: ServerSentEvent): ChatCompletionChunk {
  return ChatCompletionChunk.parse(JSON.parse(data));
}

async function* failAfterOneToken(): AsyncGenerator<ChoiceEvent> {
  yield eventOf({ text: "a", completionTokens: 1 });
  throw new Error("address 0xdeadbeef");
}

function imageMessage(url: string) {
  return [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }];
}

describe("a whole answer", () => {
  it("holds the text, the reason of its end and the tokens, which headers tell too", async () => {
    worker.answer = () => eventsOf("Hel", "", "lo");
    const { status, headers, body } = await ask({ id: "abc", body: {} });
    expect(status).toBe(200);
    const { usage, ...answer } = ChatCompletion.parse(body);
    expect(answer).toMatchObject({
      id: "chatcmpl-abc",
      model: MODEL,
      choices: [{ message: { content: "Hello" }, finish_reason: "stop" }],
    });
    const { prompt_tokens: prompt } = usage;
    expect(usage).toMatchObject({ completion_tokens: 3, total_tokens: prompt + 3 });
    expect(headers["x-prompt-usage"]).toBe(`prompt=${prompt}, cached=0, image=0, video=0`);
    expect(headers["x-completion-tokens"]).toBe("3");
  });

  it("gives the generator patches, places and features' tokens of pictures", async () => {
    const requests: GenerationRequest[] = [];
    worker.answer = (request) => {
      requests.push(request);
      return eventsOf("a square");
    };
    const body = { messages: imageMessage("cid:media-0"), max_tokens: 7 };
    const { headers } = await ask({ body, media: [picture] });
    const tokens = requests[0]?.media[0]?.tokens ?? 0;
    expect(tokens).toBeGreaterThan(0);
    expect(requests[0]?.visionPlaces).toHaveLength(tokens);
    expect(requests[0]?.choices[0]?.maxTokens).toBe(7);
    expect(headers["x-prompt-usage"]).toContain(`image=${tokens}, video=0`);
    expect(headers["x-media-usage"]).toBe(`pixels=${64 * 96}, video_ms=0, frames=0`);
  });
});

/** Two answers that come mixed: "Hello" and "Hi", of 3 and 2 tokens. */
async function* severalAnswers(): AsyncGenerator<ChoiceEvent> {
  yield eventOf({ choice: 0, text: "Hel", completionTokens: 1 });
  yield eventOf({ choice: 1, text: "H", completionTokens: 1 });
  yield eventOf({ choice: 0, text: "lo", completionTokens: 3, finishReason: "length" });
  yield eventOf({ choice: 1, text: "i", completionTokens: 2, finishReason: "stop" });
}

describe("several answers", () => {
  it("are told apart and counted together, whole and streamed", async () => {
    worker.answer = severalAnswers;
    const { headers, body } = await ask({ body: { n: 2 } });
    expect(body).toMatchObject({
      choices: [
        { index: 0, message: { content: "Hello" }, finish_reason: "length" },
        { index: 1, message: { content: "Hi" }, finish_reason: "stop" },
      ],
      usage: { completion_tokens: 5 },
    });
    expect(headers["x-completion-tokens"]).toBe("5");
    const events = await stream({ body: { n: 2 } });
    expect(events.map(({ id }) => id)).toEqual(["0", "0", "1", "2", "4", "4", "5", "5", "5"]);
  });
});

async function* toldTokens(logprobs: readonly TokenLogprobs[]): AsyncGenerator<ChoiceEvent> {
  yield eventOf({ text: "a", completionTokens: 1, logprobs });
  yield eventOf({ text: "", completionTokens: 2, logprobs });
  yield eventOf({ text: "", completionTokens: 3, logprobs, finishReason: "stop" });
}

describe("log-probabilities", () => {
  const logprobs = [{ tokenId: 70, logprob: -0.5, top: [{ tokenId: 71, logprob: -1 }] }];
  const told = { content: [{ logprob: -0.5, top_logprobs: [{ logprob: -1 }] }], refusal: null };

  it("come with the text of their tokens, or alone", async () => {
    worker.answer = () => toldTokens(logprobs);
    const body = { logprobs: true, top_logprobs: 1 };
    const [one] = told.content;
    expect((await ask({ body })).body).toMatchObject({
      choices: [{ logprobs: { content: [one, one, one] } }],
    });
    const events = await stream({ body });
    const chunks = events.slice(0, -1).map(chunk);
    expect(
      chunks.map(({ choices: [choice] }) => [choice?.delta.content, choice?.logprobs]),
    ).toEqual([
      ["", null],
      ["a", expect.objectContaining({})],
      [undefined, expect.objectContaining({})],
      [undefined, expect.objectContaining({})],
    ]);
    for (const { choices } of chunks.slice(1)) {
      expect(choices).toMatchObject([{ logprobs: told }]);
    }
  });

  it("are null where nobody asked", async () => {
    worker.answer = () => eventsOf("a");
    expect((await ask({ body: {} })).body).toMatchObject({ choices: [{ logprobs: null }] });
  });
});

describe("a streamed answer", () => {
  it("is chunks numbered by the tokens so far, a reason and [DONE]", async () => {
    worker.answer = () => eventsOf("Hel", "", "lo");
    const events = await stream({ body: {} });
    expect(events.map(({ id }) => id)).toEqual(["0", "1", "3", "3", "3"]);
    expect(events.at(-1)?.data).toBe("[DONE]");
    const chunks = events.slice(0, -1).map(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: "assistant", content: "" },
      { content: "Hel" },
      { content: "lo" },
      {},
    ]);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop");
    expect(chunks.every((each) => !("usage" in each))).toBe(true);
  });

  it("ends with the usage when asked, which is null in all other chunks", async () => {
    worker.answer = () => eventsOf("one", "two");
    const events = await stream({ body: { stream_options: { include_usage: true } } });
    const chunks = events.slice(0, -1).map(chunk);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 2 } });
    expect(chunks.slice(0, -1).map(({ usage }) => usage)).toEqual([null, null, null, null]);
  });

  it("tells a failure inside the stream, without its message, and no [DONE]", async () => {
    worker.answer = failAfterOneToken;
    const events = await stream({ body: {} });
    expect(JSON.parse(events.at(-1)?.data ?? "")).toEqual({
      error: {
        message: "The server had an error.",
        type: "server_error",
        param: null,
        code: "internal",
      },
    });
  });
});

describe("refusals", () => {
  const long = "word ".repeat(CONTEXT);
  const cases: [string, Chat, string, string][] = [
    ["a bad field", { body: { temperature: 3 } }, "invalid_request", "temperature"],
    ["an unknown field", { body: { x: 1 } }, "invalid_request", "x"],
    ["another model", { body: { model: "gpt" } }, "model_not_found", "model"],
    [
      "a prompt beyond the context",
      { body: { messages: [{ role: "user", content: long }] } },
      "context_length_exceeded",
      "messages",
    ],
    [
      "an answer beyond the context",
      { body: { max_tokens: CONTEXT } },
      "context_length_exceeded",
      "max_tokens",
    ],
    [
      "the newer name of that field",
      { body: { max_completion_tokens: CONTEXT, max_tokens: 1 } },
      "context_length_exceeded",
      "max_completion_tokens",
    ],
    [
      "bytes that are no picture",
      { body: { messages: imageMessage("cid:media-0") }, media: [Buffer.from("<html>")] },
      "invalid_media",
      "messages.0.content.0",
    ],
    [
      "a medium that does not come along",
      { body: { messages: imageMessage("cid:media-1") }, media: [picture] },
      "invalid_media",
      "messages.0.content.0.image_url.url",
    ],
    [
      "a URL that the edge should have fetched",
      { body: { messages: imageMessage("http://169.254.169.254/") } },
      "invalid_media",
      "messages.0.content.0.image_url.url",
    ],
    ["a bad id", { id: "a b", body: {} }, "invalid_request", "request.id"],
  ];

  it.each(cases)("name the field at fault: %s", async (_, chat, code, param) => {
    const { status, body } = await ask(chat);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(body).toMatchObject({ error: { code, param: expect.stringContaining(param) } });
    expect(worker.admission.inside).toBe(0);
  });

  it("do not tell what failed inside", async () => {
    worker.answer = () => {
      throw new Error("address 0xdeadbeef");
    };
    const { status, body } = await ask({ body: {} });
    expect(status).toBe(500);
    expect(body).toMatchObject({ error: { message: "The server had an error." } });
    expect(worker.admission.inside).toBe(0);
  });

  it("do not spoil the next request", async () => {
    worker.answer = () => eventsOf("fine");
    expect(await ask({ body: { n: 0 } })).toMatchObject({ status: 400 });
    expect(await ask({ body: {} })).toMatchObject({ status: 200 });
  });

  it("send away with Retry-After the request beyond the places, and take its id later", async () => {
    const release = Promise.withResolvers<void>();
    worker.answer = async function* answer() {
      await release.promise;
      yield* eventsOf("done");
    };
    const inside = [ask({ id: "a", body: {} }), ask({ id: "b", body: {} })];
    await expect.poll(() => worker.admission.inside).toBe(2);
    const refused = await ask({ id: "c", body: {} });
    expect(refused).toMatchObject({ status: 503, body: { error: { code: "overloaded" } } });
    expect(refused.headers["retry-after"]).toBe("1");
    release.resolve();
    expect((await Promise.all(inside)).map(({ status }) => status)).toEqual([200, 200]);
    expect(await ask({ id: "c", body: {} })).toMatchObject({ status: 200 });
  });

  it("count each answer of a request as one place", async () => {
    const release = Promise.withResolvers<void>();
    worker.answer = async function* answer() {
      await release.promise;
      yield* severalAnswers();
    };
    const inside = ask({ body: { n: 2 } });
    await expect.poll(() => worker.admission.inside).toBe(2);
    expect(await ask({ body: {} })).toMatchObject({ status: 503 });
    release.resolve();
    expect(await inside).toMatchObject({ status: 200 });
    expect(worker.admission.inside).toBe(0);
    const never = { status: 400, body: { error: { param: "n" } } };
    expect(await ask({ body: { n: 3 } })).toMatchObject(never);
  });

  it("take an id only once", async () => {
    worker.answer = () => eventsOf("fine");
    expect(await ask({ id: "once", body: {} })).toMatchObject({ status: 200 });
    expect(await ask({ id: "once", body: {} })).toMatchObject({
      status: 400,
      body: { error: { message: "The request id once is taken.", param: "id" } },
    });
  });
});
