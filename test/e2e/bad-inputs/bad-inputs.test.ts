import type { Server } from "node:http";

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { listen } from "../../support/listen.ts";
import { startSystem } from "../../support/running-system.ts";
import type { RunningSystem } from "../../support/running-system.ts";
import { withFields } from "./bad-input.ts";
import type { BadInput } from "./bad-input.ts";
import { badClips } from "./clips.ts";
import { badFields } from "./fields.ts";
import { badPictures, oddPictures } from "./pictures.ts";
import { badServers, badUrls, createBadServer } from "./urls.ts";

const Refusal = z.strictObject({
  error: z.strictObject({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string(),
  }),
});

let system: RunningSystem;
const server: Server = createBadServer();
const port = await listen(server);
beforeAll(async () => {
  system = await startSystem();
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

async function expectGoodAnswer(): Promise<void> {
  const response = await post(withFields({ max_tokens: 4 }));
  expect(response.status).toBe(200);
  await response.body?.cancel();
}

function refuses(inputs: readonly BadInput[]): void {
  it.each(inputs.map((input) => [input.name.slice(0, 80), input] as const))(
    "%s",
    async (_, { body, param, says, status = 400 }) => {
      const response = await post(body);
      const { error } = Refusal.parse(await response.json());
      expect({ status: response.status, param: error.param }).toEqual({ status, param });
      expect(error.message).toMatch(says);
      expect(error.message.length).toBeLessThan(500);
      expect(error.message).not.toMatch(/\/work\/|node_modules|at \w+ \(|0x[\da-f]{6}/);
    },
  );
  it("and goes on answering", expectGoodAnswer);
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
describe("the system answers pictures that are odd but good (list B)", () => {
  it.each(odd)("%s", async (_, body) => {
    const response = await post({ ...body, max_tokens: 2 });
    expect({ status: response.status, text: await response.text() }).toMatchObject({ status: 200 });
  });
});

describe("the system refuses callers without a key (list E)", () => {
  const keys = ["", "Bearer", "Bearer ", "Bearer ' OR 1=1", "Basic c2stdGVzdA==", "Bearer wrong"];

  it.each(keys)("with Authorization %j", async (authorization) => {
    const response = await post(withFields({}), { Authorization: authorization });
    expect(response.status).toBe(401);
    expect(Refusal.parse(await response.json()).error.code).toBe("invalid_api_key");
  });

  it("with a header of 128 KB", async () => {
    const outcome = await post(withFields({}), {
      Authorization: `Bearer ${"k".repeat(2 ** 17)}`,
    }).then(
      ({ status }) => status,
      () => "connection closed",
    );
    expect(outcome).not.toBe(200);
    await expectGoodAnswer();
  });

  it.each(["/invocations", "/pause", "/metrics", "/v1/requests/abc/abort", "/ready"])(
    "on the worker's route %s",
    async (path) => {
      const { status } = await fetch(`${system.url}${path}`, { method: "POST" });
      expect([401, 404, 405]).toContain(status);
    },
  );
});
