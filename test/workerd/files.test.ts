import {
  createExecutionContext,
  createScheduledController,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { createApp } from "../../edge/src/app.ts";
import worker from "../../edge/src/index.ts";
import { hashSecret } from "../../edge/src/keys/key-secret.ts";
import { requireStorage } from "../../edge/src/storage/storage-settings.ts";
import { STORED_PART_BYTES } from "../../edge/src/storage/store-stream.ts";
import { sweep } from "../../edge/src/uploads/sweep.ts";
import { API_KEY, call, createApiKey, failureOf } from "./edge-client.ts";
import { mp4, page, png, sha256Of } from "./media-bytes.ts";

const OTHER_KEY = "sk-other-tenant";
const SMALL_KEY = "sk-with-a-small-limit";

beforeAll(async () => {
  await Promise.all([API_KEY, OTHER_KEY, SMALL_KEY].map((key) => createApiKey(key)));
  await env.DB.prepare("UPDATE api_keys SET limits = ? WHERE hash = ?")
    .bind(JSON.stringify({ stored_bytes: 1100 }), await hashSecret(SMALL_KEY))
    .run();
});

const FileAnswer = z.object({ id: z.string(), bytes: z.int(), mime_type: z.string() });

function form(bytes: Uint8Array<ArrayBuffer>, fields: Record<string, string> = {}): FormData {
  const data = new FormData();
  data.set("file", new File([bytes], "a.png"));
  for (const [name, value] of Object.entries({ purpose: "vision", ...fields })) {
    data.set(name, value);
  }
  return data;
}

async function createFile(bytes: Uint8Array<ArrayBuffer> = png(), key = API_KEY) {
  const answer = await call("/v1/files", { body: form(bytes), key });
  expect(answer.status).toBe(200);
  return FileAnswer.parse(await answer.json());
}

describe("POST /v1/files", () => {
  it("stores a picture that GET answers byte for byte, and DELETE removes", async () => {
    const bytes = png(5000);
    const answer = await call("/v1/files", { body: form(bytes) });
    const file = z.looseObject(FileAnswer.shape).parse(await answer.json());
    expect(file).toEqual({
      id: expect.stringMatching(/^file-[\da-f]{24}$/),
      object: "file",
      bytes: 5000,
      created_at: expect.any(Number),
      expires_at: null,
      filename: "a.png",
      purpose: "vision",
      status: "processed",
      mime_type: "image/png",
    });
    expect(await (await call(`/v1/files/${file.id}`)).json()).toEqual(file);

    const content = await call(`/v1/files/${file.id}/content`);
    expect(content.headers.get("Content-Type")).toBe("image/png");
    expect(content.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(new Uint8Array(await content.arrayBuffer())).toEqual(bytes);
    const range = await call(`/v1/files/${file.id}/content`, { headers: { Range: "bytes=1-3" } });
    expect([range.status, await range.text()]).toEqual([206, "PNG"]);

    const deleted = await call(`/v1/files/${file.id}`, { method: "DELETE" });
    expect(await deleted.json()).toEqual({ id: file.id, object: "file", deleted: true });
    for (const path of ["", "/content"]) {
      expect((await call(`/v1/files/${file.id}${path}`)).status).toBe(404);
    }
    expect(await objectsLeft(file.id)).toBe(404);
  });

  it("takes one of several parts, with fields before and behind it, in whatever pieces it comes", async () => {
    const bytes = mp4(2 * STORED_PART_BYTES + 12_345);
    const data = new FormData();
    data.set("expires_after[anchor]", "created_at");
    data.set("file", new File([bytes], 'fünf "clips".mp4', { type: "text/html" }));
    data.set("purpose", "user_data");
    data.set("expires_after[seconds]", "3600");
    const encoded = new Response(data);
    const body = (await encoded.arrayBuffer()).slice(0);
    const answer = await call("/v1/files", {
      body: inPieces(new Uint8Array(body), 65_521),
      headers: { "Content-Type": encoded.headers.get("Content-Type") ?? "" },
    });
    const file = z
      .looseObject({ ...FileAnswer.shape, created_at: z.int(), expires_at: z.int() })
      .parse(await answer.json());
    expect(file).toMatchObject({ bytes: bytes.length, mime_type: "video/mp4" });
    expect(file["filename"]).toBe('fünf "clips".mp4');
    expect(file.expires_at - file.created_at).toBe(3600);
    const content = await call(`/v1/files/${file.id}/content`);
    expect(await sha256Of(new Uint8Array(await content.arrayBuffer()))).toBe(await sha256Of(bytes));
    const row = await env.DB.prepare("SELECT sha256 FROM files WHERE id = ?").bind(file.id).first();
    expect(row?.["sha256"]).toBe(await sha256Of(bytes));
  });

  it.each([
    ["a page", form(page()), "invalid_media", "file"],
    ["no bytes", form(new Uint8Array()), "invalid_media", "file"],
    ["an unknown purpose", form(png(), { purpose: "fine-tune" }), "invalid_request", "purpose"],
    ["an unknown field", form(png(), { model: "x" }), "invalid_request", "model"],
    [
      "too short a life",
      form(png(), { "expires_after[anchor]": "created_at", "expires_after[seconds]": "9" }),
      "invalid_request",
      "expires_after.seconds",
    ],
    ["no file", fieldsOnly(), "invalid_request", "file"],
  ])("refuses %s, and keeps nothing", async (_, body, code, param) => {
    const before = await stored();
    expect(await failureOf(await call("/v1/files", { body }))).toMatchObject({
      status: 400,
      code,
      param,
    });
    expect(await stored()).toEqual(before);
  });

  it.each([
    ["JSON", "application/json", "{}"],
    ["no boundary", "multipart/form-data", "x"],
    ["no end", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; n"],
    ["other bytes after a boundary", "multipart/form-data; boundary=b", "--bx\r\n\r\n"],
    ["a part without name", "multipart/form-data; boundary=b", "--b\r\nA: b\r\n\r\nx\r\n--b--"],
  ])("refuses a body of %s", async (_, type, body) => {
    const answer = await call("/v1/files", { body, headers: { "Content-Type": type } });
    expect(await failureOf(answer)).toMatchObject({ status: 400, code: "invalid_request" });
  });

  it("refuses a body that announces too many bytes, unread", async () => {
    const headers = { "Content-Length": String(101 * 2 ** 20) };
    const answer = await call("/v1/files", { body: form(png()), headers });
    expect(await failureOf(answer)).toMatchObject({ status: 413, code: "request_too_large" });
  });

  it("that breaks off leaves nothing", async () => {
    const client = new AbortController();
    const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n';
    const bytes = new Blob([head, mp4(20 * 2 ** 20)]);
    const source = bytes.stream().getReader();
    const body = new ReadableStream({
      async pull(controller) {
        const { value } = await source.read();
        if (value !== undefined) {
          controller.enqueue(value);
        } else {
          await new Promise(() => {}); // the client says no more
        }
      },
    });
    const sent = call("/v1/files", {
      body,
      headers: { "Content-Type": "multipart/form-data; boundary=b" },
      signal: client.signal,
    });
    await expect.poll(pending).toMatchObject([{ multipart_id: expect.any(String) }]);
    client.abort();
    await expect(sent).rejects.toThrow("aborted");
    await expect.poll(pending).toEqual([]);
  });

  it("keeps to the key's stored_bytes, also when files come together", async () => {
    const bodies = [1, 2, 3].map(() => form(png(600)));
    const answers = await Promise.all(
      bodies.map((body) => call("/v1/files", { body, key: SMALL_KEY })),
    );
    const statuses = answers.map((answer) => answer.status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, 429, 429]);
    const failure = answers.find((answer) => answer.status !== 200);
    expect(await failureOf(failure ?? new Response())).toMatchObject({
      status: 429,
      code: "insufficient_quota",
    });
  });
});

describe("GET /v1/files", () => {
  it("lists the tenant's own in order, page by page, by purpose", async () => {
    const key = "sk-lists";
    await createApiKey(key);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      ids.push((await createFile(png(100 + n), key)).id);
    }
    const Page = z.object({
      object: z.literal("list"),
      data: z.array(FileAnswer),
      first_id: z.string().nullable(),
      last_id: z.string().nullable(),
      has_more: z.boolean(),
    });
    const pageOf = async (query: string) =>
      Page.parse(await (await call(`/v1/files?${query}`, { key })).json());
    const idsOf = ({ data }: z.infer<typeof Page>) => data.map((file) => file.id);

    expect(idsOf(await pageOf(""))).toEqual(ids.toReversed());
    const first = await pageOf("limit=2&order=asc");
    expect(first).toMatchObject({ first_id: ids[0], last_id: ids[1], has_more: true });
    const second = await pageOf(`limit=3&order=asc&after=${first.last_id}`);
    expect([idsOf(second), second.has_more]).toEqual([ids.slice(2), false]);
    expect(idsOf(await pageOf(`limit=1&after=${ids[2]}`))).toEqual([ids[1]]);
    expect(idsOf(await pageOf("purpose=user_data"))).toEqual([]);
    const refused = await call("/v1/files?limit=0", { key });
    expect(await failureOf(refused)).toMatchObject({ status: 400, param: "limit" });
  });
});

describe("another tenant's file", () => {
  it.each([
    ["GET", ""],
    ["GET", "/content"],
    ["DELETE", ""],
  ])("is not there: %s %s", async (method, path) => {
    const { id } = await createFile();
    const answer = await call(`/v1/files/${id}${path}`, { method, key: OTHER_KEY });
    expect(await failureOf(answer)).toMatchObject({ status: 404, code: "not_found" });
    const listed = await call(`/v1/files?after=${id}`, { key: OTHER_KEY });
    expect(await failureOf(listed)).toMatchObject({ status: 404, param: "after" });
    expect((await call(`/v1/files/${id}`)).status).toBe(200);
  });
});

describe("the sweep", () => {
  it("removes files whose time is over, which nobody sees before either", async () => {
    const { id } = await createFile();
    await env.DB.prepare("UPDATE files SET expires_at = ? WHERE id = ?")
      .bind(Date.now() - 1, id)
      .run();
    expect((await call(`/v1/files/${id}`)).status).toBe(404);
    const key = await objectKey(id);
    const store = { db: env.DB, s3: requireStorage(env) };
    const context = createExecutionContext();
    worker.scheduled(createScheduledController(), env, context);
    await waitOnExecutionContext(context);
    expect(await sweep(store, Date.now())).toEqual({ files: 0, uploads: 0 });
    expect(await statusOfObject(key)).toBe(404);
    expect(await env.DB.prepare("SELECT id FROM files WHERE id = ?").bind(id).first()).toBeNull();
  });
});

describe("a deployment without storage", () => {
  it.each(["/v1/files", "/v1/files/file-0", "/v1/files/file-0/content"])(
    "says so at %s",
    async (path) => {
      const request = new Request(`https://edge.test${path}`, {
        headers: { Authorization: `Bearer ${API_KEY}` },
      });
      const answer = await createApp().fetch(request, { ...env, S3_ENDPOINT: "" });
      const failure = await failureOf(answer);
      expect(failure).toMatchObject({ status: 404, code: "not_found" });
      expect(failure.message).toContain("S3_ENDPOINT");
    },
  );
});

function fieldsOnly(): FormData {
  const data = new FormData();
  data.set("purpose", "vision");
  return data;
}

function inPieces(bytes: Uint8Array<ArrayBuffer>, size: number): ReadableStream {
  let offset = 0;
  return new ReadableStream({
    pull(controller) {
      if (offset >= bytes.length) {
        controller.close();
        return;
      }
      controller.enqueue(bytes.slice(offset, offset + size));
      offset += size;
    },
  });
}

async function pending() {
  const rows = env.DB.prepare("SELECT multipart_id FROM uploads WHERE status = 'pending'");
  return (await rows.all()).results;
}

async function stored() {
  const files = await env.DB.prepare("SELECT id FROM files").all();
  return [...files.results, ...(await pending())];
}

async function objectKey(fileId: string): Promise<string> {
  const row = await env.DB.prepare("SELECT object_key FROM uploads WHERE id = ?")
    .bind(fileId.replace("file-", "upload_"))
    .first();
  return z.object({ object_key: z.string() }).parse(row).object_key;
}

async function statusOfObject(key: string): Promise<number> {
  const url = await requireStorage(env).presign({ method: "GET", key, seconds: 60 });
  const answer = await fetch(url);
  await answer.body?.cancel();
  return answer.status;
}

async function objectsLeft(fileId: string): Promise<number> {
  return statusOfObject(await objectKey(fileId));
}
