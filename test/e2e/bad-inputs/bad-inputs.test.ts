import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";

import { ChatCompletion } from "@qwen3-vl/shared/chat-completion";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

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
import { badServers, createBadServer, oddServers, slowServers } from "./servers.ts";
import { badUrls } from "./urls.ts";

const Refusal = z.strictObject({
  error: z.strictObject({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string(),
  }),
});

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

async function post(body: object | string, headers: Record<string, string> = {}) {
  return fetch(`${system.url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${system.apiKey}`,
      "Content-Type": "application/json",
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

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

/** Addresses, paths, stacks: what an error must not tell. */
const SECRETS = /\d+\.\d+\.\d+\.\d+|\/work\/|node_modules|at \w+ \(|0x[\da-f]{6}/;

async function refusalOf(response: Response) {
  const { message, param } = Refusal.parse(await response.json()).error;
  return { status: response.status, param, message, tellsSecrets: SECRETS.test(message) };
}

function expected({ param, says, status = 400 }: Pick<BadInput, "param" | "says" | "status">) {
  const message = expect.stringMatching(
    new RegExp(`^(?=[^]*?(?:${says.source}))[^]{10,500}$`, says.flags),
  );
  return { status, param, message, tellsSecrets: false };
}

function refuses(inputs: readonly BadInput[]): void {
  it.each(inputs.map((input) => [input.name.slice(0, 80), input] as const))(
    "%s",
    async (_, input) => {
      expect(await refusalOf(await post(input.body))).toEqual(expected(input));
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
    expect(await refusalOf(response)).toEqual(expected({ param: "body", says }));
  });

  it("that are not UTF-8", async () => {
    const body = Buffer.from(JSON.stringify(withFields({ user: "\u00ff" })), "latin1");
    const response = await fetch(`${system.url}/v1/chat/completions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${system.apiKey}`, "Content-Type": "application/json" },
      body,
    });
    const says = /not valid UTF-8/;
    expect(await refusalOf(response)).toEqual(expected({ param: "body", says }));
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

describe("the system refuses callers without a key (list E)", () => {
  const keys = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer ' OR 1=1 --",
    "Bearer '",
    "Basic c2stdGVzdA==",
    "Bearer wrong",
    `Bearer ${"k".repeat(2 ** 17)}`,
  ];

  it.each(keys.map((key) => [key.slice(0, 30), key]))("with %j", async (_, authorization) => {
    const headers = { Authorization: authorization };
    const asAdministrator = await fetch(`${system.url}/admin/keys`, { headers });
    for (const response of [await post(withFields({}), headers), asAdministrator]) {
      expect(response.status).toBe(401);
      expect(Refusal.parse(await response.json()).error.code).toBe("invalid_api_key");
    }
  });

  it("with their key in another scheme or form", async () => {
    const { apiKey } = system;
    const basic = `Basic ${Buffer.from(`user:${apiKey}`).toString("base64")}`;
    for (const authorization of [basic, apiKey, `Bearer ${apiKey} x`, `Bearer "${apiKey}"`]) {
      const response = await post(withFields({}), { Authorization: authorization });
      expect(response.status).toBe(401);
      await response.body?.cancel();
    }
  });

  it("but not for the spelling of the scheme", async () => {
    const response = await fetch(`${system.url}/v1/models`, {
      headers: { Authorization: `bearer ${system.apiKey}` },
    });
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  it("but not for another header of 128 KB", async () => {
    const headers = { Authorization: `Bearer ${system.apiKey}`, "X-Long": "x".repeat(2 ** 17) };
    const response = await fetch(`${system.url}/v1/models`, { headers });
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  it("with a key of 10 MB", async () => {
    const head = `GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${"k".repeat(1e7)}`;
    expect(await rawAnswer(`${head}\r\n\r\n`)).not.toMatch(/^HTTP\/1\.1 [^4]/);
    expect(await goodAnswer()).toBe(DESCRIPTION);
  });

  const routes = ["/invocations", "/pause", "/metrics", "/v1/requests/abc/abort", "/ready"];

  it.each(routes)("on the worker's route %s, and has it not with a key", async (path) => {
    const Authorization = `Bearer ${system.apiKey}`;
    for (const method of ["GET", "POST"]) {
      const stranger = await fetch(`${system.url}${path}`, { method });
      const owner = await fetch(`${system.url}${path}`, { method, headers: { Authorization } });
      expect([401, 404]).toContain(stranger.status);
      expect([401, 404]).toContain(owner.status); // `/metrics` is the administrator's
      await Promise.all([stranger.body?.cancel(), owner.body?.cancel()]);
    }
  });
});

/** What comes back for these bytes until the connection closes. */
async function rawAnswer(bytes: string): Promise<string> {
  const { port: target, hostname } = new URL(system.url);
  const socket = connect(Number(target), hostname);
  socket.on("error", () => undefined); // closed while it still sends
  socket.write(bytes);
  let answer = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: true })) {
    answer += String(chunk);
  }
  return answer;
}

describe("the system gives up on servers that are slow (list A)", () => {
  it.each(slowServers(port).map((input, index) => [input.name, input, index] as const))(
    "%s",
    async (_, input, index) => {
      const response = (await slowAnswers[index]) ?? Response.error();
      expect(await refusalOf(response)).toEqual(expected(input));
    },
    60_000,
  );

  it("and goes on answering", async () => {
    expect(await goodAnswer()).toBe(DESCRIPTION);
  });
});
