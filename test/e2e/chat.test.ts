import { createServer } from "node:http";

import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  UnprocessableEntityError,
} from "openai";
import { beforeAll, describe, expect, it } from "vitest";

import {
  DESCRIPTION,
  MODEL,
  SCENE,
  ask,
  askAbout,
  evaluationPicture,
} from "../support/evaluation.ts";
import type { Messages } from "../support/evaluation.ts";
import { listen } from "../support/listen.ts";
import { sharedSystem } from "../support/shared-system.ts";
import type { SharedSystem } from "../support/shared-system.ts";

type Create = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;

let system: SharedSystem;
let client: OpenAI;
beforeAll(async () => {
  system = await sharedSystem();
  client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: system.apiKey, maxRetries: 0 });
});

const describeScene: Create = { model: MODEL, messages: ask("Describe this image.", SCENE) };

async function answerTo(body: Omit<Create, "model">): Promise<string | null | undefined> {
  const { choices } = await client.chat.completions.create({ model: MODEL, ...body });
  return choices[0]?.message.content;
}

describe("a chat completion", () => {
  it("describes a picture, whole and streamed alike, with the same usage", async () => {
    const whole = await client.chat.completions.create(describeScene);
    expect(whole).toMatchObject({ object: "chat.completion", model: MODEL });
    expect(whole.choices[0]).toMatchObject({
      finish_reason: "stop",
      message: { role: "assistant", content: DESCRIPTION },
    });

    const stream = await client.chat.completions.create({
      ...describeScene,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe(DESCRIPTION);
    expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant");
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
    expect(chunks.at(-1)).toMatchObject({ choices: [] });
    expect(withoutCached(chunks.at(-1)?.usage)).toEqual(withoutCached(whole.usage));
    expect(whole.usage).toMatchObject({ prompt_tokens: 50, completion_tokens: 27 });
    expect(whole.usage?.prompt_tokens_details).toMatchObject({ image_tokens: 36 });
  });

  it("tells no usage in a stream that was not asked for it", async () => {
    const chunks = await Array.fromAsync(
      await client.chat.completions.create({ ...describeScene, stream: true }),
    );
    expect(chunks.filter(({ usage }) => usage != null)).toEqual([]);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop");
  });

  it("is put together by the client's own stream helper", async () => {
    const stream = client.chat.completions.stream({
      model: MODEL,
      messages: describeScene.messages,
    });
    expect(await stream.finalContent()).toBe(DESCRIPTION);
  });

  it("compares two pictures, and numbers them when asked", async () => {
    const messages = ask(
      "What is the difference between the two pictures?",
      "028-0.png",
      "028-1.png",
    );
    const plain = await client.chat.completions.create({ model: MODEL, messages });
    expect(plain.choices[0]?.message.content).toBe(
      "The triangle is black in picture 1 and red in picture 2.",
    );
    const addVisionId = { add_vision_id: true }; // not a field of OpenAI's types
    const numbered = await client.chat.completions.create({
      model: MODEL,
      messages,
      ...addVisionId,
    });
    expect(numbered.usage?.prompt_tokens).toBeGreaterThan(plain.usage?.prompt_tokens ?? 0);
  });

  it("takes a picture from a URL that redirects", async () => {
    const server = createServer((request, response) => {
      if (request.url === "/moved") {
        response.writeHead(302, { Location: "/scene.png" }).end();
      } else {
        response.end(evaluationPicture(SCENE));
      }
    });
    const port = await listen(server);
    try {
      const messages = askAbout("Describe this image.", `http://127.0.0.1:${port}/moved`);
      expect(await answerTo({ messages })).toBe(DESCRIPTION);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("ends at max_tokens, max_completion_tokens and stop strings", async () => {
    const { messages } = describeScene;
    const { choices, usage } = await client.chat.completions.create({
      ...describeScene,
      max_tokens: 4,
    });
    expect(choices[0]).toMatchObject({
      finish_reason: "length",
      message: { content: "A large black heart" },
    });
    expect(usage?.completion_tokens).toBe(4);
    expect(await answerTo({ messages, max_completion_tokens: 2 })).toBe("A large");
    expect(await answerTo({ messages, stop: ["heart at"] })).toBe("A large black ");
    expect(await answerTo({ messages, stop: " circle" })).toBe(DESCRIPTION.split(" circle")[0]);
  });

  it("takes system and developer messages and a second turn", async () => {
    const turns: Messages = [
      ...describeScene.messages,
      { role: "assistant", content: DESCRIPTION },
      { role: "user", content: "How many circles are there?" },
    ];
    const instruction = "Answer in one sentence.";
    const asSystem = await client.chat.completions.create({
      model: MODEL,
      messages: [{ role: "system", content: instruction }, ...turns],
    });
    const asDeveloper = await client.chat.completions.create({
      model: MODEL,
      messages: [{ role: "developer", content: instruction }, ...turns],
    });
    expect(asSystem.choices[0]?.message.content).toBe("1");
    expect(asDeveloper.choices).toEqual(asSystem.choices);
    expect(asDeveloper.usage?.prompt_tokens).toBe(asSystem.usage?.prompt_tokens);
  });
});

/** The second of two equal requests may find its prompt cached. */
function withoutCached(usage: OpenAI.CompletionUsage | null | undefined) {
  const { prompt_tokens_details: details, ...rest } = usage ?? {};
  return { ...rest, prompt_tokens_details: { ...details, cached_tokens: 0 } };
}

describe("models", () => {
  it("are listed with the length of their context", async () => {
    const { data } = await client.models.list();
    expect(data).toEqual([await client.models.retrieve(MODEL)]);
    expect(data[0]).toMatchObject({ id: MODEL, object: "model", max_model_len: 4096 });
  });

  it("are not found under another name", async () => {
    await expect(client.models.retrieve("gpt-4o")).rejects.toBeInstanceOf(NotFoundError);
  });
});

describe("errors", () => {
  const messages = ask("Hello");
  const PICTURE = "messages.0.content.0.image_url.url";
  const large = [{ role: "user" as const, content: "x".repeat(25 * 2 ** 20) }];

  it.each([
    [
      "a wrong model",
      { model: "gpt-4o" },
      { type: NotFoundError, status: 404, code: "model_not_found", param: "model" },
    ],
    [
      "a field out of range",
      { temperature: 3 },
      { type: BadRequestError, status: 400, code: "invalid_request", param: "temperature" },
    ],
    [
      "more tokens than the context",
      { max_tokens: 5000 },
      { type: BadRequestError, status: 400, code: "context_length_exceeded", param: "max_tokens" },
    ],
    [
      "a picture that is not one",
      { messages: askAbout("What?", "data:image/png;base64,AAAA") },
      { type: BadRequestError, status: 400, code: "invalid_media", param: PICTURE },
    ],
    [
      "a picture that cannot be fetched",
      { messages: askAbout("What?", "http://127.0.0.1:1/a.png") },
      { type: UnprocessableEntityError, status: 422, code: "media_unreachable", param: PICTURE },
    ],
    [
      "a body larger than the limit",
      { messages: large },
      { type: APIError, status: 413, code: "request_too_large", param: "body" },
    ],
  ])("of %s are the client's own exceptions", async (_, fields, { type, ...rest }) => {
    for (const stream of [false, true]) {
      const answer = client.chat.completions.create({ model: MODEL, messages, ...fields, stream });
      await expect(answer).rejects.toBeInstanceOf(type);
      await expect(answer).rejects.toMatchObject({
        ...rest,
        type: "invalid_request_error",
        requestID: expect.stringMatching(/^[\w-]{8,64}$/),
      });
    }
  });

  it("of a wrong key are the client's own exception, however large the request", async () => {
    const stranger = client.withOptions({ apiKey: "wrong" });
    for (const body of [{ messages }, { messages: large }]) {
      const answer = stranger.chat.completions.create({ model: MODEL, ...body });
      await expect(answer).rejects.toBeInstanceOf(AuthenticationError);
      await expect(answer).rejects.toMatchObject({ status: 401, code: "invalid_api_key" });
    }
  });
});

describe("the id of a request", () => {
  it("stands on every answer", async () => {
    const { _request_id: ofWhole } = await client.chat.completions.create({
      ...describeScene,
      max_tokens: 1,
    });
    const stream = await client.chat.completions
      .create({ ...describeScene, max_tokens: 1, stream: true })
      .withResponse();
    await Array.fromAsync(stream.data);
    const { _request_id: ofModel } = await client.models.retrieve(MODEL);
    const ids = [ofWhole, stream.request_id, ofModel];
    expect(ids).toEqual(ids.map(() => expect.stringMatching(/^[\w-]{8,64}$/)));
    expect(new Set(ids).size).toBe(3);
  });

  it("is the client's own, if it sent one, also on a refusal", async () => {
    const headers = { "X-Request-Id": "mine-1" };
    const { request_id: id } = await client.models.list({ headers }).withResponse();
    expect(id).toBe("mine-1");
    const refused = await fetch(`${system.url}/v1/models`, { headers });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("X-Request-Id")).toBe("mine-1");
  });
});
