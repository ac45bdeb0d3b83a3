import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";

import { createApp } from "../../edge/src/app.ts";
import { API_KEY, callsOf, chat, createApiKey, failureOf } from "./edge-client.ts";

beforeAll(() => createApiKey());

const workers = inject("twoWorkerUrls");
type Mode = "up" | "busy" | "down" | "hangs";

/** Returns how many calls it refused in the mode before. */
async function become(workerUrl: string, mode: Mode): Promise<number> {
  const response = await fetch(`${workerUrl}/__mode?is=${mode}`);
  const { refused } = await response.json<{ refused: number }>();
  return refused;
}

const bothBecome = (mode: Mode) => Promise.all(workers.map((url) => become(url, mode)));
afterEach(() => bothBecome("up"));

/** An edge of its own before both workers: what it knows of them is of one test. */
let edge: ReturnType<typeof createApp>;
let context: ExecutionContext;
beforeEach(() => {
  edge = createApp();
  context = createExecutionContext();
});
afterEach(() => waitOnExecutionContext(context));

interface AskOptions {
  waitSeconds?: number;
  urls?: readonly string[];
  signal?: AbortSignal;
}

async function ask(
  body: object,
  { waitSeconds = 0, urls = workers, ...init }: AskOptions = {},
): Promise<Response> {
  const request = new Request("https://edge.test/v1/chat/completions", {
    method: "POST",
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
    ...init,
  });
  const settings = {
    GPU_WORKER_URL: urls.join(", "),
    BACKEND_WAIT_SECONDS: String(waitSeconds),
  };
  return edge.fetch(request, { ...env, ...settings }, context);
}

/** How often each worker had requests of this prompt. */
async function shares(prompt: string): Promise<number[]> {
  const calls = await Promise.all(workers.map((url) => callsOf(prompt, url)));
  return calls.map(({ length }) => length);
}

/** Of both together. */
const timesAsked = async (prompt: string) =>
  (await shares(prompt)).reduce((sum, share) => sum + share, 0);

const [first, second] = workers;
const down = `http://127.0.0.1:${inject("closedPort")}`;

/** A prompt whose conversation goes to this worker while all are well. */
async function promptFor(workerUrl: string, name: string): Promise<string> {
  for (let number = 0; number < 50; number++) {
    const prompt = `${name} ${number}`;
    const answer = await ask(chat("answers", prompt));
    await answer.text();
    if ((await callsOf(prompt, workerUrl)).length === 1) {
      return prompt;
    }
  }
  throw new Error(`no conversation of 50 goes to ${workerUrl}`);
}

describe("several GPU workers", () => {
  it("share conversations, and each conversation stays where it began", async () => {
    const used: number[] = [];
    for (let number = 0; number < 12; number++) {
      const prompt = `stays ${number}`;
      const opening = { role: "user", content: prompt };
      const turns = [opening, { role: "assistant", content: "a" }, { role: "user", content: "b" }];
      await (await ask(chat("answers", prompt))).text();
      await (await ask({ model: "answers", messages: turns })).text();
      const share = await shares(prompt);
      used.push(share.indexOf(2));
    }
    expect(new Set(used)).toEqual(new Set([0, 1]));
  });

  it.each(["busy", "down"] as const)("stand in for one that is %s", async (mode) => {
    const prompt = await promptFor(first, `stand in ${mode}`);
    await become(first, mode);
    const answer = await ask(chat("answers", prompt));
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("chat.completion");
    expect(await become(first, "up")).toBe(1);
    expect(await callsOf(prompt, second)).toHaveLength(1);
  });

  it("stand in for one that does not listen", async () => {
    for (let number = 0; number < 6; number++) {
      const answer = await ask(chat("answers", `closed ${number}`), { urls: [down, second] });
      expect(answer.status).toBe(200);
      await answer.text();
    }
  });

  it.each([11, 300_000])("get the whole body again, with a picture of %i bytes", async (bytes) => {
    const prompt = `again with ${bytes}`;
    const png = new Uint8Array(bytes);
    png.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const base64 = btoa(Array.from(png, (byte) => String.fromCharCode(byte)).join(""));
    const content = [
      { type: "text", text: prompt },
      { type: "image_url", image_url: { url: `data:image/png;base64,${base64}` } },
    ];
    await become(first, "down");
    const answer = await ask({ model: "answers", messages: [{ role: "user", content }] });
    expect(answer.status).toBe(200);
    await answer.text();
    expect(await callsOf(prompt, second)).toMatchObject([{ media: [{ bytes }] }]);
  });

  it("are not asked again once an answer has begun", async () => {
    const answer = await ask(chat("breaks-off", "begun", { stream: true }));
    await expect(answer.text()).rejects.toThrow("connection lost");
    expect(await timesAsked("begun")).toBe(1);
  });

  it("are not asked again after an answer that is a refusal", async () => {
    const answer = await ask(chat("overloaded", "no second opinion"));
    expect(answer.status).toBe(503);
    await answer.text();
    expect(await timesAsked("no second opinion")).toBe(1);
  });

  it("answer an abort where the request is", async () => {
    const client = new AbortController();
    const { signal } = client;
    const answer = await ask(chat("never-ends", "left", { stream: true }), { signal });
    await answer.body?.getReader().read();
    client.abort();
    await waitOnExecutionContext(context);
    const calls = (await Promise.all(workers.map((url) => callsOf("left", url)))).flat();
    expect(calls).toMatchObject([{ wasAborted: true }]);
  });

  it("that all fail are answered with 503 and a time", async () => {
    await bothBecome("down");
    const answer = await ask(chat("answers", "nobody"));
    expect(answer.headers.get("Retry-After")).toBe("5");
    expect(await failureOf(answer)).toMatchObject({ status: 503, code: "overloaded" });
  });

  it("that are all full are answered with 503 and their time", async () => {
    await bothBecome("busy");
    const answer = await ask(chat("answers", "full"));
    expect(answer.headers.get("Retry-After")).toBe("1");
    expect(await failureOf(answer)).toMatchObject({ status: 503, code: "overloaded" });
  });
});

describe("a cold GPU worker", () => {
  it.each(["busy", "down"] as const)("that is %s is waited for in silence", async (mode) => {
    await bothBecome(mode);
    const answer = ask(chat("answers", `cold ${mode}`), { waitSeconds: 20 });
    await scheduler.wait(300);
    await bothBecome("up");
    expect((await answer).status).toBe(200);
    expect(await (await answer).text()).toContain("chat.completion");
    expect(await timesAsked(`cold ${mode}`)).toBe(1);
  });

  it("is waited for with comments where the client reads a stream, then the answer follows", async () => {
    await bothBecome("down");
    const answer = await ask(chat("answers", "pings", { stream: true }), { waitSeconds: 20 });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Content-Type")).toMatch(/^text\/event-stream/);
    expect(await timesAsked("pings")).toBe(0);
    await bothBecome("up");
    const text = await answer.text();
    expect(text).toMatch(/^: ping\n/);
    expect(text).toContain("Zwei Körbe 🧺");
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
  });

  it("that stays cold is told as an event that OpenAI's clients make their exception of", async () => {
    await bothBecome("down");
    const answer = await ask(chat("answers", "stays cold", { stream: true }), { waitSeconds: 1 });
    expect(answer.status).toBe(200);
    const lines = (await answer.text()).split("\n").filter((line) => line !== "");
    const event = lines.pop();
    expect(new Set(lines)).toEqual(new Set([": ping"]));
    expect(JSON.parse(event?.replace(/^data: /, "") ?? "")).toEqual({
      error: {
        message: expect.stringContaining("No GPU worker is available"),
        type: "server_error",
        param: null,
        code: "overloaded",
      },
    });
  });

  it("whose refusal comes after the wait is told as an event too", async () => {
    await bothBecome("down");
    const body = chat("overloaded", "late refusal", { stream: true });
    const answer = await ask(body, { waitSeconds: 20 });
    await bothBecome("up");
    expect(await answer.text()).toContain('data: {"error":{"message":"from the worker"}}\n\n');
  });

  it("that refuses our signature is not waited for: that does not mend itself", async () => {
    const answer = await ask(chat("refuses-signature", "no wait"), { waitSeconds: 20 });
    expect(await failureOf(answer)).toMatchObject({ status: 500, code: "internal" });
    expect(await timesAsked("no wait")).toBe(2);
  });

  it("is not asked any more when the client has left", async () => {
    await bothBecome("down");
    const client = new AbortController();
    const options = { waitSeconds: 20, signal: client.signal };
    const answer = ask(chat("answers", "left while cold"), options);
    await scheduler.wait(300);
    client.abort();
    expect((await answer).status).toBe(499);
    await bothBecome("up");
    await waitOnExecutionContext(context);
    expect(await timesAsked("left while cold")).toBe(0);
  });
});
