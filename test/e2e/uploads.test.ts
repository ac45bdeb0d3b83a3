import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

import OpenAI, { BadRequestError, NotFoundError, toFile } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { UploadError, uploadFile } from "../../examples/upload/upload-file.ts";
import { DESCRIPTION, MODEL, SCENE, askAbout, evaluationPicture } from "../support/evaluation.ts";
import { startSystem } from "../support/running-system.ts";
import type { RunningSystem } from "../support/running-system.ts";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const CLIP = join(REPOSITORY, "test/golden/data/files/clip-h264-30fps-5s.mp4");
const MIB = 2 ** 20;

let system: RunningSystem;
let client: OpenAI;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "qwen3-vl-upload-"));
  system = await startSystem();
  client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: system.apiKey, maxRetries: 0 });
});
afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A clip that is as large as wanted: behind it comes an empty box. */
async function paddedClip(mebibytes: number): Promise<Buffer> {
  const free = Buffer.alloc(mebibytes * MIB);
  free.writeUInt32BE(free.length);
  free.write("free", 4);
  return Buffer.concat([await readFile(CLIP), free]);
}

/** Of a question about a clip, which OpenAI's types do not know. */
async function usageOf(url: string): Promise<unknown> {
  const options = { nframes: 4, resized_height: 64, resized_width: 64 };
  const clip = { type: "video_url", video_url: { url }, ...options };
  const body = { model: MODEL, max_tokens: 1, messages: [{ role: "user", content: [clip] }] };
  const answer = await client.post<{ usage: object }>("/chat/completions", { body });
  return answer.usage;
}

describe("OpenAI's client", () => {
  it("stores a picture, asks about it, lists it and removes it", async () => {
    const bytes = evaluationPicture(SCENE);
    const file = await client.files.create({
      file: await toFile(bytes, "scene.png"),
      purpose: "vision",
      expires_after: { anchor: "created_at", seconds: 3600 },
    });
    expect(file).toMatchObject({ object: "file", bytes: bytes.length, filename: "scene.png" });
    expect(file.expires_at).toBe(file.created_at + 3600);

    const { choices } = await client.chat.completions.create({
      model: MODEL,
      messages: askAbout("Describe this image.", file.id),
    });
    expect(choices[0]?.message.content).toBe(DESCRIPTION);

    expect(await client.files.retrieve(file.id)).toEqual(file);
    const content = await client.files.content(file.id);
    expect(Buffer.from(await content.arrayBuffer()).equals(bytes)).toBe(true);
    const others = [];
    for (let n = 0; n < 2; n++) {
      const stream = createReadStream(join(REPOSITORY, "examples/shapes.png"));
      others.push((await client.files.create({ file: stream, purpose: "vision" })).id);
    }
    const listed = await Array.fromAsync(client.files.list({ limit: 2, order: "asc" }));
    expect(listed.map(({ id }) => id)).toEqual([file.id, ...others]);

    expect(await client.files.delete(file.id)).toEqual({
      id: file.id,
      object: "file",
      deleted: true,
    });
    await expect(client.files.retrieve(file.id)).rejects.toThrow(NotFoundError);
    await expect(
      client.chat.completions.create({ model: MODEL, messages: askAbout("What?", file.id) }),
    ).rejects.toThrow(NotFoundError);
  });

  it("learns by typed exceptions what is wrong", async () => {
    const page = await toFile(Buffer.from("<!doctype html>"), "a.html");
    await expect(client.files.create({ file: page, purpose: "vision" })).rejects.toThrow(
      BadRequestError,
    );
    const large = await toFile(Buffer.alloc(30 * MIB), "a.png");
    await expect(client.files.create({ file: large, purpose: "vision" })).rejects.toMatchObject({
      status: 400,
      code: "invalid_media",
    });
    const fine = await toFile(evaluationPicture(SCENE), "a.png");
    await expect(client.files.create({ file: fine, purpose: "batch" })).rejects.toMatchObject({
      status: 400,
      param: "purpose",
    });
  });
});

describe("the upload of examples/", () => {
  it("sends a clip in parts, of which the GPU worker sees what it sees of the same in a request", async () => {
    const clip = await paddedClip(40);
    const seen: number[] = [];
    const file = await uploadFile({
      ...settings(),
      file: new File([new Uint8Array(clip)], "clip.mp4", { type: "video/mp4" }),
      onProgress: ({ sentBytes }) => seen.push(sentBytes),
    });
    expect(file).toMatchObject({ bytes: clip.length, filename: "clip.mp4" });
    expect(seen).toHaveLength(4);
    expect([seen[0], seen.at(-1)]).toEqual([0, clip.length]);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));

    const inRequest = `data:video/mp4;base64,${(await readFile(CLIP)).toString("base64")}`;
    expect(await usageOf(file.id)).toEqual(await usageOf(inRequest));
  });

  it("sends a small file by one PUT", async () => {
    const file = new Blob([new Uint8Array(await readFile(CLIP))]);
    const uploaded = await uploadFile({
      ...settings(),
      file,
      filename: "clip.mp4",
      mimeType: "video/mp4",
    });
    expect(uploaded).toMatchObject({ bytes: file.size, mime_type: "video/mp4" });
  });

  it("tells what the API refuses", async () => {
    const file = new File(["x"], "a.txt", { type: "text/plain" });
    await expect(uploadFile({ ...settings(), file })).rejects.toThrow(UploadError);
    await expect(uploadFile({ ...settings(), file })).rejects.toThrow("mime_type");
  });

  it("is killed in the middle, and goes on in another process with the parts that are missing", async () => {
    const path = join(folder, "film.mp4");
    await writeFile(path, await paddedClip(100));
    const first = start(path);
    for await (const line of createInterface({ input: first.stderr })) {
      if (Number.parseInt(line, 10) >= 32 * MIB) {
        break;
      }
    }
    first.kill("SIGKILL");
    await once(first, "exit");

    const second = start(path);
    const [output, errors] = await Promise.all([text(second.stdout), text(second.stderr)]);
    const sentBefore = Number.parseInt(errors, 10);
    expect(sentBefore).toBeGreaterThanOrEqual(32 * MIB);
    const file = await client.files.retrieve(output.trim());
    expect(file.bytes).toBe(100 * MIB + (await readFile(CLIP)).length);
    const content = await client.files.content(file.id);
    const same = (await readFile(path)).equals(Buffer.from(await content.arrayBuffer()));
    expect(same).toBe(true);
  });
});

const settings = () => ({ baseUrl: `${system.url}/v1`, apiKey: system.apiKey });

/** In a process of its own. */
function start(path: string) {
  const script = join(REPOSITORY, "examples/upload/main.ts");
  return spawn(process.execPath, [script, `${system.url}/v1`, path, "video/mp4"], {
    env: { ...process.env, API_KEY: system.apiKey },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
