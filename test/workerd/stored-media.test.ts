import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, inject, it } from "vitest";
import * as z from "zod";

import { requireStorage } from "../../edge/src/storage/storage-settings.ts";
import { call, callsOf, createApiKey, failureOf, post } from "./edge-client.ts";
import { mp4, png } from "./media-bytes.ts";

const OTHER_KEY = "sk-other-tenant";
const MIB = 2 ** 20;

beforeAll(async () => {
  await createApiKey();
  await createApiKey(OTHER_KEY);
});

async function store(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const body = new FormData();
  body.set("purpose", "vision");
  body.set("file", new File([bytes], "a"));
  const answer = await call("/v1/files", { body });
  return z.object({ id: z.string() }).parse(await answer.json()).id;
}

const origin = (path: string) => `${inject("pictureServerUrl")}${path}`;
const image = (url: string) => ({ type: "image_url", image_url: { url } });
const video = (url: string) => ({ type: "video_url", video_url: { url } });
const request = (prompt: string, ...parts: object[]) => ({
  model: "answers",
  messages: [{ role: "user", content: [{ type: "text", text: prompt }, ...parts] }],
});

const stagedRows = async () =>
  (await env.DB.prepare("SELECT object_key FROM uploads WHERE kind = 'media'").all()).results;

describe("a file in a message", () => {
  it("is fetched by the GPU worker, each once, wherever it may stand", async () => {
    const [picture, clip] = [await store(png(300)), await store(mp4(9 * MIB))];
    const body = request(
      "files",
      image(picture),
      video(clip),
      { type: "input_image", file_id: picture },
      { type: "video", video: [picture, picture] },
    );
    expect((await post(body)).status).toBe(200);
    const [seen] = await callsOf("files");
    expect(seen?.media).toEqual([]);
    expect(seen?.stored).toMatchObject([
      { name: "media-0", type: "image/png", bytes: 300 },
      { name: "media-1", type: "video/mp4", bytes: 9 * MIB },
    ]);
    expect(seen?.body.messages[0]?.content).toMatchObject([
      { type: "text" },
      image("cid:media-0"),
      video("cid:media-1"),
      image("cid:media-0"),
      { type: "video", video: ["cid:media-0", "cid:media-0"] },
    ]);
  });

  it("stands beside media of other kinds", async () => {
    const PNG = "data:image/png;base64,iVBORw0KGgoAAAA=";
    const body = request(
      "mixed",
      image(PNG),
      image(await store(png(300))),
      video(origin("/small.mp4")),
    );
    expect((await post(body)).status).toBe(200);
    const [seen] = await callsOf("mixed");
    expect(seen?.media).toMatchObject([{ name: "media-0" }, { name: "media-2", bytes: MIB }]);
    expect(seen?.stored).toMatchObject([{ name: "media-1" }]);
  });

  it.each([
    ["unknown", "file-0123456789abcdef01234567"],
    ["malformed", "file-' OR 1=1"],
  ])("that is %s is refused at its part", async (_, id) => {
    expect(await failureOf(await post(request("no file", image(id))))).toMatchObject({
      status: 404,
      code: "not_found",
      param: "messages.0.content.1.image_url.url",
    });
  });

  it("of another tenant, or of another kind than its part, is refused", async () => {
    const picture = await store(png(300));
    const body = request("theft", image(picture));
    const theft = await call("/v1/chat/completions", { json: body, key: OTHER_KEY });
    expect(await failureOf(theft)).toMatchObject({ status: 404, code: "not_found" });
    expect(await failureOf(await post(request("theft", video(picture))))).toMatchObject({
      status: 400,
      code: "invalid_media",
      param: "messages.0.content.1.video_url.url",
    });
    expect(await callsOf("theft")).toEqual([]);
  });

  it("larger than a picture may be is refused before the GPU worker is asked", async () => {
    const large = await store(png(21 * MIB));
    expect(await failureOf(await post(request("large", image(large))))).toMatchObject({
      status: 413,
      code: "media_too_large",
    });
  });
});

describe("a clip of a client's URL", () => {
  it.each([
    ["/20-mib.mp4", 20],
    ["/40-mib-chunked.mp4", 40],
  ])("that is large goes through the bucket, and leaves nothing there: %s", async (path, mib) => {
    const url = origin(path);
    const answer = await post(request(`staged ${path}`, video(url), video(url)));
    expect(answer.status).toBe(200);
    await answer.text();
    const [seen] = await callsOf(`staged ${path}`);
    expect(seen?.media).toEqual([]);
    expect(seen?.stored).toMatchObject([{ type: "video/mp4", bytes: mib * MIB }]);
    await expect.poll(stagedRows).toEqual([]);
    const href = seen?.stored[0]?.url ?? "";
    await expect.poll(async () => (await fetch(href)).status).toBe(404);
  });

  it.each([
    ["/20-mib-page.mp4", 400, "invalid_media"],
    ["/5-gib.mp4", 413, "media_too_large"],
    ["/breaks-off.mp4", 422, "media_unreachable"],
  ])("%s is refused with %i %s, and leaves nothing", async (path, status, code) => {
    const failure = await failureOf(await post(request(`refused ${path}`, video(origin(path)))));
    expect(failure).toMatchObject({ status, code, param: "messages.0.content.1.video_url.url" });
    await expect.poll(stagedRows).toEqual([]);
    expect(await objectsIn("staged/")).toEqual([]);
  });

  it("goes through the bucket also when there are five", async () => {
    const urls = [1, 2, 3, 4, 5].map((n) => origin(`/20-mib.mp4?${n}`));
    const answer = await post(request("five", ...urls.map(video)));
    expect(answer.status).toBe(200);
    const [seen] = await callsOf("five");
    expect(seen?.stored.map(({ bytes }) => bytes)).toEqual(Array(5).fill(20 * MIB));
  });

  it("leaves nothing when the client leaves in the middle", async () => {
    const client = new AbortController();
    const sent = post(request("leaves", video(origin("/never-ends.mp4"))), {
      signal: client.signal,
    });
    await expect.poll(stagedRows).toHaveLength(1);
    client.abort();
    await expect(sent).rejects.toThrow("aborted");
    await expect.poll(stagedRows).toEqual([]);
    expect(await callsOf("leaves")).toEqual([]);
  });
});

/** Keys that begin so, by the storage's own list. */
async function objectsIn(prefix: string): Promise<string[]> {
  const s3 = requireStorage(env);
  const answer = await s3.send({ method: "GET", key: "", query: { "list-type": "2", prefix } });
  return [...(await answer.text()).matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key = ""]) => key);
}
