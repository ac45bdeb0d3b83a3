import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";

import { ApiError, toApiError } from "@qwen3-vl/shared/errors";
import { WorkerRequest } from "@qwen3-vl/shared/worker-protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { readMultipart } from "./multipart-reader.ts";
import { sendError, sendJson } from "./send-json.ts";
import { listen, open, send, textOf } from "./test-calls.ts";
import { MULTIPART, announced, multipart } from "./test-multipart.ts";
import type { Part } from "./test-multipart.ts";

const hello = Buffer.from("hello");
const world = Buffer.from("world!");

/** Takes its time, as checking a signature does: the next part has begun by then. */
async function parseRequest(text: string): Promise<WorkerRequest> {
  await new Promise(setImmediate);
  return WorkerRequest.parse(JSON.parse(text));
}

/** Reads a body and answers the media's texts by name. */
async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const { media } = await readMultipart(incoming, parseRequest);
    const texts = [...media].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]);
    sendJson(response, 200, Object.fromEntries(texts));
  } catch (error) {
    sendError(response, toApiError(error));
  }
}

const server = createServer((incoming, response) => void answer(incoming, response));
const target = { port: 0 };

beforeAll(async () => {
  target.port = await listen(server);
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

function requestPart(...media: readonly ReturnType<typeof announced>[]): Part {
  return { name: "request", content: JSON.stringify({ id: "r", tenant: "t", body: {}, media }) };
}

const helloPart = { name: "media-0", content: hello };
const worldPart = { name: "media-1", content: world };
const announcedHello = announced("media-0", hello);
const announcedWorld = announced("media-1", world);

async function answerTo(body: Uint8Array, contentType = MULTIPART): Promise<unknown> {
  const headers = { "Content-Type": contentType };
  const { text } = await send(target, { method: "POST", path: "/", headers, body });
  return JSON.parse(text);
}

function refusal(message: string) {
  return new ApiError("invalid_request", `Multipart body: ${message}.`).toJSON();
}

describe("readMultipart", () => {
  it("reads a request with its media, whose order does not matter", async () => {
    const parts = [requestPart(announcedHello, announcedWorld), worldPart, helloPart];
    expect(await answerTo(multipart(parts))).toEqual({ "media-0": "hello", "media-1": "world!" });
  });

  it.each([
    ["no parts", [], `the part "request" is missing`],
    ["a medium before the request", [helloPart], `the part "request" is missing`],
    [
      "the request as a file",
      [{ name: "request", content: Buffer.from("{}") }],
      `the part "request" is missing`,
    ],
    ["two requests", [requestPart(), requestPart()], `expected one whole part "request" first`],
    [
      "a field of another name first",
      [{ name: "other", content: "" }, requestPart()],
      `expected one whole part "request" first`,
    ],
    [
      "a medium that was not announced",
      [requestPart(), helloPart],
      `the part "media-0" is not announced, or comes twice`,
    ],
    [
      "a medium twice",
      [requestPart(announcedHello), helloPart, helloPart],
      `the part "media-0" is not announced, or comes twice`,
    ],
    ["a missing medium", [requestPart(announcedHello)], "the part media-0 is missing"],
    [
      "a medium that is longer than announced",
      [requestPart(announcedHello), { name: "media-0", content: Buffer.alloc(300_000) }],
      "media-0 is longer than its 5 bytes",
    ],
    [
      "a medium that is shorter than announced",
      [requestPart(announcedHello), { name: "media-0", content: Buffer.from("hell") }],
      "media-0 does not match its length and digest",
    ],
    [
      "a medium of other bytes",
      [requestPart(announcedHello), { name: "media-0", content: Buffer.from("jello") }],
      "media-0 does not match its length and digest",
    ],
    [
      "more parts than a request may have",
      [
        requestPart(announcedHello),
        helloPart,
        ...Array.from({ length: 300 }, (_, index) => ({
          ...helloPart,
          name: `media-${index + 1}`,
        })),
      ],
      `the part "media-1" is not announced, or comes twice`,
    ],
  ])("refuses %s", async (_, parts, message) => {
    expect(await answerTo(multipart(parts))).toEqual(refusal(message));
  });

  it.each([
    ["in a medium", 20],
    ["in the end of a medium", 3],
    ["in the head of a medium", 60],
    ["in the request", 160],
    ["at its begin", 1000],
  ])("refuses a body that ends %s", async (_, missing) => {
    const body = multipart([requestPart(announcedHello), helloPart], "");
    const cut = body.subarray(0, Math.max(0, body.length - missing));
    expect(await answerTo(cut)).toEqual(refusal("the multipart body is damaged"));
  });

  it("refuses other content types, and one without a boundary", async () => {
    const body = multipart([requestPart()]);
    expect(await answerTo(body, "application/json")).toEqual(
      refusal(`expected multipart/form-data, got "application/json"`),
    );
    expect(await answerTo(body, "multipart/form-data")).toEqual(
      refusal("the content type has no boundary"),
    );
  });

  it("answers while a refused body is still being sent", async () => {
    const body = multipart([requestPart(), { name: "media-0", content: Buffer.alloc(50_000) }], "");
    const { request, response } = await open(target, {
      method: "POST",
      path: "/",
      headers: { "Content-Type": MULTIPART, "Content-Length": "10000000" },
      body,
    });
    expect(JSON.parse(await textOf(response))).toMatchObject({
      error: { code: "invalid_request" },
    });
    request.destroy();
  });
});
