/** List E, and what of list A needs another tenant. */
import { connect } from "node:net";

import { StartedUpload } from "@qwen3-vl/shared/uploads";
import OpenAI, { toFile } from "openai";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { SCENE, askAbout, evaluationPicture } from "../../support/evaluation.ts";
import { sharedSystem } from "../../support/shared-system.ts";
import type { SharedSystem } from "../../support/shared-system.ts";
import { IMAGE_URL_PARAM, MODEL, about, withFields } from "./bad-input.ts";
import { postCompletion } from "./post-completion.ts";
import { Refusal, expectedRefusal, refusalOf } from "./refusal.ts";

let system: SharedSystem;
beforeAll(async () => {
  system = await sharedSystem();
});

const post = (body: object | string, headers?: Record<string, string>) =>
  postCompletion(system, body, headers);

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
    expect(await statusOf("/v1/models", { token: system.apiKey })).toBe(200);
  });

  it.each(["/invocations", "/pause", "/ready"])(
    "on the worker's route %s, and has it not with a key",
    async (path) => {
      for (const method of ["GET", "POST"]) {
        expect(await statusOf(path, { method })).toBe(404);
        expect(await statusOf(path, { method, token: system.apiKey })).toBe(404);
      }
    },
  );

  it("on the worker's route /v1/requests/abc/abort, and has it not with a key", async () => {
    const path = "/v1/requests/abc/abort";
    for (const method of ["GET", "POST"]) {
      expect(await statusOf(path, { method })).toBe(401);
      expect(await statusOf(path, { method, token: system.apiKey })).toBe(404);
    }
  });

  it("on /metrics, which is the administrator's", async () => {
    for (const method of ["GET", "POST"]) {
      const stranger = await fetch(`${system.url}/metrics`, { method });
      expect(stranger.status).toBe(401);
      expect(stranger.headers.get("WWW-Authenticate")).toBe("Bearer");
      expect(Refusal.parse(await stranger.json()).error.code).toBe("invalid_api_key");
      expect(await statusOf("/metrics", { method, token: system.apiKey })).toBe(401);
    }
    expect(await statusOf("/metrics", { token: system.adminToken })).toBe(200);
  });
});

async function statusOf(
  path: string,
  { method = "GET", token }: { method?: string; token?: string },
): Promise<number> {
  const headers: Record<string, string> =
    token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const response = await fetch(`${system.url}${path}`, { method, headers });
  await response.body?.cancel();
  return response.status;
}

describe("the system refuses to a tenant what is another's (lists A and E)", () => {
  const file = { bytes: evaluationPicture(SCENE), name: "scene.png", type: "image/png" };
  let stranger: OpenAI;
  beforeAll(async () => {
    const administrator = clientOf("admin", system.adminToken);
    const key = await administrator.post("/keys", { body: { name: "stranger", owner: "other" } });
    stranger = clientOf("v1", z.object({ value: z.string() }).parse(key).value);
  });

  it("a file by its id", async () => {
    const { id } = await stranger.files.create({
      file: await toFile(file.bytes, file.name),
      purpose: "vision",
    });
    const says = /no such file/;
    expect(await refusalOf(await post(about(id)))).toEqual(
      expectedRefusal({ param: IMAGE_URL_PARAM, says, status: 404 }),
    );
    const body = { model: MODEL, messages: askAbout("Describe this image.", id), max_tokens: 2 };
    expect((await stranger.chat.completions.create(body)).choices).toHaveLength(1);
  });

  it("an object of our bucket by a URL that is signed", async () => {
    const upload = await stranger.post("/uploads", {
      body: {
        filename: file.name,
        mime_type: file.type,
        bytes: file.bytes.length,
        purpose: "vision",
      },
    });
    const { put } = StartedUpload.parse(upload);
    const { url = "", headers } = put ?? {};
    const sent = await fetch(url, { method: "PUT", headers: headers ?? {}, body: file.bytes });
    expect(sent.status).toBe(200);
    const refusal = expectedRefusal({ param: IMAGE_URL_PARAM, says: /own storage/ });
    for (const spelling of [url, url.replace("127.0.0.1", "localhost"), url.split("?", 1)[0]]) {
      expect(await refusalOf(await post(about(spelling)))).toEqual(refusal);
    }
  });
});

function clientOf(path: string, apiKey: string): OpenAI {
  return new OpenAI({ baseURL: `${system.url}/${path}`, apiKey, maxRetries: 0 });
}

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
