import type { PresignedPart, PresignedPut } from "@qwen3-vl/shared/uploads";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { putPart } from "../../edge/src/storage/multipart-objects.ts";
import { headObject } from "../../edge/src/storage/objects.ts";
import { requireStorage } from "../../edge/src/storage/storage-settings.ts";
import { sweep } from "../../edge/src/uploads/sweep.ts";
import { call, createApiKey, failureOf } from "./edge-client.ts";
import { mp4, page, png, sha256Of } from "./media-bytes.ts";

const OTHER_KEY = "sk-other-tenant";
const PART = 16 * 2 ** 20;

beforeAll(async () => {
  await createApiKey();
  await createApiKey(OTHER_KEY);
});

const Put = z.object({
  method: z.literal("PUT"),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  bytes: z.int(),
  expires_at: z.int(),
});
const Part = Put.extend({ part_number: z.int() });
const Started = z.object({
  id: z.string(),
  status: z.string(),
  part_size: z.int().nullable(),
  part_count: z.int().nullable(),
  put: Put.nullable(),
  parts: z.array(Part),
});
const Completed = z.object({
  status: z.literal("completed"),
  file: z.object({ id: z.string(), bytes: z.int(), mime_type: z.string() }),
});

const DESCRIPTION = { filename: "film.mp4", mime_type: "video/mp4", purpose: "vision" };

async function start(fields: object) {
  const answer = await call("/v1/uploads", { json: { ...DESCRIPTION, ...fields } });
  expect(answer.status).toBe(200);
  return Started.parse(await answer.json());
}

const postTo = (id: string, what: string, json: unknown = {}) =>
  call(`/v1/uploads/${id}/${what}`, { json });

async function sendTo({ url, headers }: PresignedPut, body: Uint8Array<ArrayBuffer>) {
  const answer = await fetch(url, { method: "PUT", headers, body });
  await answer.text();
  return { status: answer.status, etag: answer.headers.get("ETag") ?? "" };
}

async function startSingle(bytes: Uint8Array<ArrayBuffer>, fields: object = {}) {
  const upload = await start({ bytes: bytes.length, ...fields });
  if (upload.put === null) {
    throw new Error("expected one PUT");
  }
  return { ...upload, put: upload.put };
}

/** Sends a part and tells it as a client does. */
async function sendPart(bytes: Uint8Array<ArrayBuffer>, part: PresignedPart | undefined) {
  if (part === undefined) {
    throw new Error("expected a part");
  }
  const offset = (part.part_number - 1) * PART;
  const piece = bytes.slice(offset, offset + part.bytes);
  const { etag } = await sendTo(part, piece);
  return { part_number: part.part_number, etag, sha256: await sha256Of(piece) };
}

describe("an upload by one PUT", () => {
  it("becomes a file, once", async () => {
    const bytes = mp4(70_000);
    const sha256 = await sha256Of(bytes);
    const { id, put } = await startSingle(bytes, { sha256 });
    expect(put.bytes).toBe(70_000);
    expect(put.headers).toMatchObject({ "Content-Type": "video/mp4", "If-None-Match": "*" });
    expect((await sendTo(put, bytes)).status).toBe(200);
    const completed = Completed.parse(await (await postTo(id, "complete")).json());
    expect(completed.file).toMatchObject({ bytes: 70_000, mime_type: "video/mp4" });
    expect(Completed.parse(await (await postTo(id, "complete")).json())).toEqual(completed);

    // What was verified cannot be replaced, and the file is one like any other.
    expect((await sendTo(put, bytes)).status).toBe(412);
    const content = await call(`/v1/files/${completed.file.id}/content`);
    expect(await sha256Of(new Uint8Array(await content.arrayBuffer()))).toBe(sha256);
    expect(await failureOf(await postTo(id, "cancel"))).toMatchObject({ status: 409 });
  });

  it("takes no other length and no other type", async () => {
    const { id, put } = await startSingle(mp4(1000));
    expect((await sendTo(put, mp4(1001))).status).toBe(403);
    const typed = { ...put, headers: { ...put.headers, "Content-Type": "text/html" } };
    expect((await sendTo(typed, mp4(1000))).status).toBe(403);
    const failure = await failureOf(await postTo(id, "complete"));
    expect(failure).toMatchObject({ status: 400, code: "invalid_request" });
    expect(failure.message).toContain("got none");
    expect((await sendTo(put, mp4(1000))).status).toBe(200);
    expect((await postTo(id, "complete")).status).toBe(200);
  });

  it.each([
    ["another checksum", mp4(1000), { sha256: "0".repeat(64) }, "SHA-256"],
    ["a picture as a clip", png(1000), {}, "image/png"],
    ["a page", page(), {}, "another type"],
  ])("of %s is refused, its bytes are removed, and it is over", async (_, bytes, fields, said) => {
    const { id, put } = await startSingle(bytes, fields);
    expect((await sendTo(put, bytes)).status).toBe(200);
    const failure = await failureOf(await postTo(id, "complete"));
    expect(failure).toMatchObject({ status: 400, code: "invalid_media" });
    expect(failure.message).toContain(said);
    expect(await headObject(requireStorage(env), await objectKey(id))).toBeUndefined();
    expect(await failureOf(await postTo(id, "complete"))).toMatchObject({
      status: 409,
      code: "conflict",
    });
  });
});

describe("an upload in parts", () => {
  it("is resumed by whoever asks which parts are there, and verified part by part", async () => {
    const bytes = mp4(2 * PART + 5000);
    const upload = await start({ bytes: bytes.length });
    expect(upload).toMatchObject({ part_size: PART, part_count: 3, put: null });
    expect(upload.parts.map((part) => [part.part_number, part.bytes])).toEqual([
      [1, PART],
      [2, PART],
      [3, 5000],
    ]);
    const first = await sendPart(bytes, upload.parts[0]);
    const early = await failureOf(await postTo(upload.id, "complete", { sent: [first] }));
    expect(early).toMatchObject({ status: 400, param: "sent" });
    expect(early.message).toContain("missing: 2, 3");

    const resumed = z
      .object({
        sent: z.array(z.object({ part_number: z.int(), etag: z.string() })),
        parts: z.array(Part),
      })
      .parse(await (await postTo(upload.id, "parts")).json());
    expect(resumed.sent).toEqual([{ part_number: 1, etag: first.etag }]);
    expect(resumed.parts.map((part) => part.part_number)).toEqual([2, 3]);
    const sent = [await sendPart(bytes, resumed.parts[0]), await sendPart(bytes, resumed.parts[1])];
    const answer = await postTo(upload.id, "complete", { sent });
    const { file } = Completed.parse(await answer.json());
    const content = await call(`/v1/files/${file.id}/content`);
    expect(await sha256Of(new Uint8Array(await content.arrayBuffer()))).toBe(await sha256Of(bytes));
    expect((await sendTo(upload.parts[0] ?? fail(), bytes.slice(0, PART))).status).toBe(404);
  });

  it("whose part is not what its client says is refused and removed", async () => {
    const bytes = mp4(PART + 100);
    const { id, parts } = await start({ bytes: bytes.length });
    const sent = [await sendPart(bytes, parts[0]), await sendPart(bytes, parts[1])];
    const lie = [{ ...sent[0], sha256: "0".repeat(64) }, sent[1]];
    const failure = await failureOf(await postTo(id, "complete", { sent: lie }));
    expect(failure).toMatchObject({ status: 400, code: "invalid_media" });
    expect(failure.message).toContain("SHA-256 of part 1");
    expect(await headObject(requireStorage(env), await objectKey(id))).toBeUndefined();
  });

  it("with the wrong ETag can still be completed with the right one", async () => {
    const bytes = mp4(1000);
    const { id, parts } = await start({ bytes: bytes.length, multipart: true });
    const part = await sendPart(bytes, parts[0]);
    const wrong = await postTo(id, "complete", { sent: [{ ...part, etag: "0123" }] });
    expect(await failureOf(wrong)).toMatchObject({ status: 400, param: "sent" });
    expect((await postTo(id, "complete", { sent: [part] })).status).toBe(200);
  });

  it("that was joined by a call that broke off is completed by the next", async () => {
    const bytes = mp4(1000);
    const { id, parts } = await start({ bytes: bytes.length, multipart: true });
    const part = await sendPart(bytes, parts[0]);
    const [first, second] = await Promise.all([
      postTo(id, "complete", { sent: [part] }),
      postTo(id, "complete", { sent: [part] }),
    ]);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(await first.json()).toEqual(await second.json());
  });

  it("gives URLs for the parts that are asked for, and no others", async () => {
    const { id } = await start({ bytes: 40 * PART });
    const answer = await postTo(id, "parts", { part_numbers: [7, 40] });
    const { parts } = z.object({ parts: z.array(Part) }).parse(await answer.json());
    expect(parts.map((part) => part.part_number)).toEqual([7, 40]);
    const beyond = await postTo(id, "parts", { part_numbers: [41] });
    expect(await failureOf(beyond)).toMatchObject({ status: 400, param: "part_number" });
  });
});

describe("POST /v1/uploads", () => {
  it.each([
    [{ bytes: 0 }, "bytes"],
    [{ bytes: 2 ** 40 }, "bytes"],
    [{ bytes: 10, mime_type: "text/html" }, "mime_type"],
    [{ bytes: 10, purpose: "batch" }, "purpose"],
    [{ bytes: 10, filename: "../a" }, "filename"],
    [{ bytes: 10, sha256: "xyz" }, "sha256"],
    [{ bytes: 10, expires_after: { anchor: "created_at", seconds: 1 } }, "expires_after.seconds"],
    [{ bytes: 6 * 2 ** 30, multipart: false }, "multipart"],
    [{ bytes: 10, url: "https://example.com" }, "url"],
  ])("refuses %j", async (fields, param) => {
    const answer = await call("/v1/uploads", { json: { ...DESCRIPTION, ...fields } });
    expect(await failureOf(answer)).toMatchObject({ status: 400, code: "invalid_request", param });
  });

  it("counts unfinished uploads in the key's stored_bytes until they are cancelled", async () => {
    const key = "sk-of-1000-bytes";
    await createApiKey(key);
    await env.DB.prepare("UPDATE api_keys SET limits = ? WHERE name = ?")
      .bind(JSON.stringify({ stored_bytes: 1000 }), key)
      .run();
    const create = (bytes: number) => call("/v1/uploads", { json: { ...DESCRIPTION, bytes }, key });
    const answers = await Promise.all([create(400), create(400), create(400)]);
    const statuses = answers.map((answer) => answer.status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 429]);
    const made = answers.find((answer) => answer.status === 200) ?? fail();
    const { id } = Started.parse(await made.json());
    expect((await call(`/v1/uploads/${id}/cancel`, { method: "POST", key })).status).toBe(200);
    expect((await create(400)).status).toBe(200);
  });
});

describe("another tenant's upload", () => {
  it.each(["parts", "complete", "cancel"])("is not there: %s", async (what) => {
    const { id } = await start({ bytes: 1000, multipart: true });
    const answer = await call(`/v1/uploads/${id}/${what}`, { json: {}, key: OTHER_KEY });
    expect(await failureOf(answer)).toMatchObject({ status: 404, code: "not_found" });
  });
});

describe("what is never completed", () => {
  it("is swept after its time: parts, bytes and rows", async () => {
    const s3 = requireStorage(env);
    const inParts = await start({ bytes: 1000, multipart: true });
    await sendPart(mp4(1000), inParts.parts[0]);
    const whole = await startSingle(mp4(1000));
    await sendTo(whole.put, mp4(1000));
    const [multipart, key] = [await rowOf(inParts.id), await objectKey(whole.id)];
    await env.DB.prepare("UPDATE uploads SET expires_at = ? WHERE id IN (?, ?)")
      .bind(Date.now() - 1, inParts.id, whole.id)
      .run();
    expect(await failureOf(await postTo(inParts.id, "parts"))).toMatchObject({
      status: 409,
      message: "Expected a pending upload, this one is expired.",
    });

    expect(await sweep({ db: env.DB, s3 }, Date.now())).toEqual({ files: 0, uploads: 2 });
    expect(await headObject(s3, key)).toBeUndefined();
    const again = { multipartId: multipart.multipart_id, partNumber: 1, body: mp4(1000) };
    await expect(putPart(s3, multipart.object_key, again)).rejects.toThrow("NoSuchUpload");
    expect((await postTo(inParts.id, "parts")).status).toBe(404);
    const { results } = await env.DB.prepare("SELECT * FROM upload_parts WHERE upload_id = ?")
      .bind(inParts.id)
      .all();
    expect(results).toEqual([]);
  });

  it("keeps the file of an upload that was", async () => {
    const bytes = mp4(500);
    const { id, put } = await startSingle(bytes);
    await sendTo(put, bytes);
    const { file } = Completed.parse(await (await postTo(id, "complete")).json());
    await env.DB.prepare("UPDATE uploads SET expires_at = 1 WHERE id = ?").bind(id).run();
    await sweep({ db: env.DB, s3: requireStorage(env) }, Date.now());
    expect((await call(`/v1/files/${file.id}/content`)).status).toBe(200);
  });
});

async function rowOf(id: string) {
  const row = await env.DB.prepare("SELECT object_key, multipart_id FROM uploads WHERE id = ?")
    .bind(id)
    .first();
  return z.object({ object_key: z.string(), multipart_id: z.string().catch("") }).parse(row);
}

async function objectKey(id: string): Promise<string> {
  return (await rowOf(id)).object_key;
}

function fail(): never {
  throw new Error("expected something that is not there");
}
