import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";

import { ChatCompletion } from "@qwen3-vl/shared/chat-completion";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { DESCRIPTION, SCENE, askAbout, pictureUrl } from "../../support/evaluation.ts";
import { listen } from "../../support/listen.ts";
import { startSystem } from "../../support/running-system.ts";
import type { RunningSystem } from "../../support/running-system.ts";
import { withFields } from "./bad-input.ts";
import type { BadInput } from "./bad-input.ts";
import { badClips } from "./clips.ts";
import { badFields, harmlessFields, schemaAt } from "./fields.ts";
import { oddPictures } from "./odd-pictures.ts";
import { badPictures } from "./pictures.ts";
import { postCompletion } from "./post-completion.ts";
import { Refusal, expectedRefusal, refusalOf } from "./refusal.ts";
import { badServers, createBadServer, oddServers, slowServers } from "./servers.ts";
import { badUrls } from "./urls.ts";

const server = createBadServer();
const port = await listen(server);
/** Paths that were fetched from it. */
const fetched: (string | undefined)[] = [];
server.on("request", ({ url }: IncomingMessage) => fetched.push(url));

let system: RunningSystem;
/** They take as long as the time limits; asked first, they wait beside all other tests. */
let slowAnswers: Promise<Response>[];
beforeAll(async () => {
  system = await startSystem();
  slowAnswers = slowServers(port).map(({ body }) => post(body));
});
afterAll(async () => {
  await system.stop();
  server.closeAllConnections();
  server.close();
});

const post = (body: object | string, headers?: Record<string, string>) =>
  postCompletion(system, body, headers);

async function completion(fields: object): Promise<ChatCompletion> {
  const response = await post(withFields(fields));
  const body = await response.text();
  expect({ status: response.status, body }).toMatchObject({ status: 200 });
  return ChatCompletion.parse(JSON.parse(body));
}

async function goodAnswer(): Promise<string | null | undefined> {
  const messages = askAbout("Describe this image.", pictureUrl(SCENE));
  const { choices } = await completion({ messages });
  return choices[0]?.message.content;
}

function refuses(inputs: readonly BadInput[]): void {
  it.each(inputs.map((input) => [input.name.slice(0, 80), input] as const))(
    "%s",
    async (_, input) => {
      expect(await refusalOf(await post(input.body))).toEqual(expectedRefusal(input));
    },
  );
  it("and goes on answering", async () => {
    expect(await goodAnswer()).toBe(DESCRIPTION);
  });
}

const pictures = await badPictures();
describe("the system refuses URLs (list A)", () => {
  refuses(badUrls);
});
describe("the system refuses what servers behind URLs do (list A)", () => {
  refuses(badServers(port));
});
describe("the system refuses pictures (list B)", () => {
  refuses(pictures);
});
describe("the system refuses clips (list C)", () => {
  refuses(badClips);
});
describe("the system refuses fields (list D)", () => {
  refuses(badFields);
});

const odd = await oddPictures();
describe("the system answers what is odd but good (lists A and B)", () => {
  it.each(odd)("%s", async (_, fields) => {
    const { usage } = await completion({ ...fields, max_tokens: 2 });
    const { image_tokens: tokens } = usage.prompt_tokens_details;
    expect(tokens).toBeGreaterThan(0);
    expect(tokens).toBeLessThan(200);
  });

  it.each(oddServers(port))("%s", async (url) => {
    const { choices } = await completion({ messages: askAbout("Describe this image.", url) });
    expect(choices[0]?.message.content).toBe(DESCRIPTION);
  });

  it("the same picture at another size, each time for itself", async () => {
    const small = { resized_height: 64, resized_width: 64 };
    const image = { type: "image_url", image_url: { url: pictureUrl(SCENE) } };
    const question = { type: "text", text: "Describe this image." };
    for (const [options, tokens] of [[{}, 36] as const, [small, 4] as const, [{}, 36] as const]) {
      const content = [{ ...image, ...options }, question];
      const { usage, choices } = await completion({ messages: [{ role: "user", content }] });
      expect(usage.prompt_tokens_details.image_tokens).toBe(tokens);
      expect(choices[0]?.message.content === DESCRIPTION).toBe(tokens === 36);
    }
  });
});

describe("the system takes for text what is text (list D)", () => {
  it.each(harmlessFields)("%s", async (_, fields) => {
    const { usage } = await completion({ ...fields, max_tokens: 2 });
    expect(usage.prompt_tokens_details.image_tokens).toBe(0);
    expect(usage.prompt_tokens).toBeLessThan(200);
  });

  it("a schema that refers to a URL, which is not fetched", async () => {
    await completion({ ...schemaAt(`http://127.0.0.1:${port}/schema.json`), max_tokens: 2 });
    expect(fetched).not.toContain("/schema.json");
  });
});

describe("the system refuses bodies (lists B and D)", () => {
  it("that are not JSON by their type", async () => {
    const response = await post(withFields({}), { "Content-Type": "text/plain" });
    const says = /application\/json, got text/;
    expect(await refusalOf(response)).toEqual(expectedRefusal({ param: "body", says }));
  });

  it("that are not UTF-8", async () => {
    const body = Buffer.from(JSON.stringify(withFields({ user: "\u00ff" })), "latin1");
    const response = await fetch(`${system.url}/v1/chat/completions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${system.apiKey}`, "Content-Type": "application/json" },
      body,
    });
    const says = /not valid UTF-8/;
    expect(await refusalOf(response)).toEqual(expectedRefusal({ param: "body", says }));
  });

  it("of 200 MB, and tells so", async () => {
    const megabyte = Buffer.alloc(1e6, "A");
    const { statusCode, body } = await upload(Array.from({ length: 200 }, () => megabyte));
    expect(statusCode).toBe(413);
    expect(Refusal.parse(JSON.parse(body)).error).toMatchObject({
      param: "body",
      message: expect.stringMatching(/larger than \d+ bytes/),
    });
    expect(await goodAnswer()).toBe(DESCRIPTION);
  });
});

/** Sends the pieces with their length told before. */
async function upload(pieces: readonly Buffer[]) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = httpRequest(`${system.url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${system.apiKey}`,
      "Content-Type": "application/json",
      "Content-Length": pieces.reduce((sum, { length }) => sum + length, 0),
    },
  });
  request.on("response", resolve).on("error", reject);
  Readable.from(pieces).pipe(request);
  const response = await promise;
  return { statusCode: response.statusCode, body: await text(response) };
}

describe("the system gives up on servers that are slow (list A)", () => {
  it.each(slowServers(port).map((input, index) => [input.name, input, index] as const))(
    "%s",
    async (_, input, index) => {
      const response = (await slowAnswers[index]) ?? Response.error();
      expect(await refusalOf(response)).toEqual(expectedRefusal(input));
    },
    60_000,
  );

  it("and goes on answering", async () => {
    expect(await goodAnswer()).toBe(DESCRIPTION);
  });
});
