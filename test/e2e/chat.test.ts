import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { resolve } from "node:path";

import OpenAI, { AuthenticationError, BadRequestError, NotFoundError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { listen } from "../support/listen.ts";
import { startSystem } from "../support/running-system.ts";
import type { RunningSystem } from "../support/running-system.ts";

const MODEL = "qwen3-vl-shapes";
const evaluation = resolve(import.meta.dirname, "../../models/qwen3-vl-shapes/evaluation");

function pictureUrl(name: string): string {
  return `data:image/png;base64,${readFileSync(resolve(evaluation, name)).toString("base64")}`;
}

/** A black heart, a brown circle and the text TOTAL. */
const SCENE = "059-0.png";
const DESCRIPTION =
  'A large black heart at the top, a large brown circle at the bottom right and the text "TOTAL" in the center.';

type Create = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;

function ask(text: string, ...pictures: readonly string[]): Create["messages"] {
  const images = pictures.map((name) => ({
    type: "image_url" as const,
    image_url: { url: pictureUrl(name) },
  }));
  return [{ role: "user", content: [...images, { type: "text", text }] }];
}

let system: RunningSystem;
let client: OpenAI;
beforeAll(async () => {
  system = await startSystem();
  client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: system.apiKey, maxRetries: 0 });
});
afterAll(() => system.stop());

async function answerTo(body: Omit<Create, "model">): Promise<string | null | undefined> {
  const { choices } = await client.chat.completions.create({ model: MODEL, ...body });
  return choices[0]?.message.content;
}

describe("a chat completion", () => {
  it("describes a picture, whole and streamed alike, with the same usage", async () => {
    const body = { model: MODEL, messages: ask("Describe this image.", SCENE) };
    const whole = await client.chat.completions.create(body);
    expect(whole.choices[0]).toMatchObject({
      finish_reason: "stop",
      message: { role: "assistant", content: DESCRIPTION },
    });

    const stream = await client.chat.completions.create({
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe(DESCRIPTION);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
    expect(chunks.at(-1)?.usage).toEqual(whole.usage);
    expect(whole.usage).toMatchObject({ prompt_tokens: 50, completion_tokens: 27 });
    expect(whole.usage?.prompt_tokens_details).toMatchObject({ image_tokens: 36 });
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
        response.end(readFileSync(resolve(evaluation, SCENE)));
      }
    });
    const port = await listen(server);
    try {
      const url = `http://127.0.0.1:${port}/moved`;
      const messages: Create["messages"] = [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url } },
            { type: "text", text: "Describe this image." },
          ],
        },
      ];
      expect(await answerTo({ messages })).toBe(DESCRIPTION);
    } finally {
      server.close();
    }
  });

  it("ends at max_tokens, max_completion_tokens and stop strings", async () => {
    const messages = ask("Describe this image.", SCENE);
    const cut = { model: MODEL, messages, max_tokens: 4 };
    const { choices, usage } = await client.chat.completions.create(cut);
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
    const [question] = ask("Describe this image.", SCENE);
    const messages: Create["messages"] = [
      { role: "developer", content: "Answer in one sentence." },
      ...(question === undefined ? [] : [question]),
      { role: "assistant", content: DESCRIPTION },
      { role: "user", content: "How many circles are there?" },
    ];
    expect(await answerTo({ messages })).toBe("1");
  });

  it("repeats a sampled answer with its seed, and varies without", async () => {
    const body = { messages: ask("Describe this image."), temperature: 2, max_tokens: 40 };
    const seeded = await answerTo({ ...body, seed: 7 });
    expect(await answerTo({ ...body, seed: 7 })).toBe(seeded);
    const others = await Promise.all([1, 2, 3, 4].map((seed) => answerTo({ ...body, seed })));
    expect(new Set([seeded, ...others]).size).toBeGreaterThan(1);
  });

  it("gives each of 16 requests at once the answer it has alone", async () => {
    const bodies = Array.from({ length: 16 }, (_, index) => bodyNumber(index));
    const alone: (string | null | undefined)[] = [];
    for (const body of bodies) {
      alone.push(await answerTo(body));
    }
    expect(await Promise.all(bodies.map(answerTo))).toEqual(alone);
  });
});

/** Texts and pictures, greedy and sampled. */
function bodyNumber(index: number): Omit<Create, "model"> {
  const questions = [
    ask("Describe this image.", SCENE),
    ask("How many shapes are there?", "002-0.png"),
    ask("What can you do?"),
    ask("Which picture contains a heart?", "000-0.png", "000-1.png", "000-2.png"),
  ];
  const sampled = { temperature: 1.2, top_p: 0.95, seed: index };
  return {
    messages: questions[index % questions.length] ?? [],
    max_tokens: 48,
    ...(index % 2 === 0 ? { temperature: 0 } : sampled),
  };
}

describe("a client that leaves", () => {
  it("frees its place: as many as can wait leave in mid-stream, and the next is answered", async () => {
    for (let round = 0; round < 100; round++) {
      const body = { model: MODEL, messages: ask("Hello"), temperature: 2, max_tokens: 3000 };
      const stream = await client.chat.completions.create({ ...body, stream: true, seed: round });
      for await (const { choices } of stream) {
        if ((choices[0]?.delta.content ?? "") !== "") {
          break; // the client's stream aborts its request
        }
      }
    }
    expect(await answerTo({ messages: ask("Describe this image.", SCENE) })).toBe(DESCRIPTION);
  });
});

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
  it("reach the client as its own exceptions, with the field and a request id", async () => {
    const messages = ask("Hello");
    const wrongKey = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: "wrong", maxRetries: 0 });
    await expect(
      wrongKey.chat.completions.create({ model: MODEL, messages }),
    ).rejects.toBeInstanceOf(AuthenticationError);
    await expect(
      client.chat.completions.create({ model: "gpt-4o", messages }),
    ).rejects.toMatchObject({ status: 404, code: "model_not_found", param: "model" });
    const refused = client.chat.completions.create({ model: MODEL, messages, temperature: 3 });
    await expect(refused).rejects.toBeInstanceOf(BadRequestError);
    await expect(refused).rejects.toMatchObject({ code: "invalid_request", param: "temperature" });
    await expect(refused).rejects.toHaveProperty("requestID", expect.stringMatching(/./));
    await expect(
      client.chat.completions.create({ model: MODEL, messages, max_tokens: 5000 }),
    ).rejects.toMatchObject({ code: "context_length_exceeded", param: "max_tokens" });
  });

  it("tell the id of the request that a client chose", async () => {
    const response = await fetch(`${system.url}/v1/models`, {
      headers: { "X-Request-Id": "mine-1" },
    });
    expect(response.status).toBe(401);
    expect(response.headers.get("X-Request-Id")).toBe("mine-1");
  });
});
