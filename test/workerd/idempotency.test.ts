import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";

import { MAX_KEPT_BYTES } from "../../edge/src/idempotency/idempotent-answer.ts";
import {
  callsOf,
  chat,
  createApiKey,
  createKey,
  failureOf,
  post,
  usageOf,
  withKey,
} from "./edge-client.ts";

beforeAll(() => createApiKey());

const once = (key: string) => ({ headers: { "Idempotency-Key": key } });

describe("a request with an Idempotency-Key", () => {
  it.each([true, false])(
    "gets the first answer again, byte for byte, and is run once (stream: %s)",
    async (stream) => {
      const prompt = `repeated ${stream}`;
      const ask = () => post(chat("answers", prompt, { stream }), once(`key-${stream}`));
      const first = await ask();
      const text = await first.text();
      const second = await ask();
      expect(await second.text()).toBe(text);
      expect(second.status).toBe(200);
      expect(second.headers.get("Content-Type")).toBe(first.headers.get("Content-Type"));
      expect(second.headers.get("Idempotent-Replayed")).toBe("true");
      expect(first.headers.has("Idempotent-Replayed")).toBe(false);
      expect(await callsOf(prompt)).toHaveLength(1);
      await expect.poll(() => usageOf(prompt)).toHaveLength(1);
    },
  );

  it("is refused when its body is another", async () => {
    await (await post(chat("answers", "one body"), once("bodies"))).text();
    const other = await post(chat("answers", "another body"), once("bodies"));
    expect(await failureOf(other)).toMatchObject({
      status: 422,
      code: "idempotency_mismatch",
      param: "Idempotency-Key",
    });
    expect(await callsOf("another body")).toEqual([]);
  });

  it("is refused while the first is being answered, and runs anew when that was cut off", async () => {
    const client = new AbortController();
    const body = chat("never-ends", "in flight", { stream: true });
    const first = await post(body, { ...once("in-flight"), signal: client.signal });
    await first.body?.getReader().read();
    const second = await post(body, once("in-flight"));
    expect(second.headers.get("Retry-After")).toBe("1");
    expect(await failureOf(second)).toMatchObject({ status: 409, code: "conflict" });
    client.abort();
    await expect
      .poll(() => callsOf("in flight"))
      .toMatchObject([{ wasClosed: true, wasAborted: true }]);
    const again = new AbortController();
    const status = async () => {
      const answer = await post(body, { ...once("in-flight"), signal: again.signal });
      return answer.status;
    };
    await expect.poll(status).toBe(200);
    again.abort();
  });

  it("is run once when it comes ten times at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => post(chat("answers", "ten at once"), once("ten"))),
    );
    await Promise.all(answers.map((answer) => answer.text()));
    const statuses = new Set(answers.map(({ status }) => status));
    expect([...statuses].filter((status) => status !== 200 && status !== 409)).toEqual([]);
    expect(await callsOf("ten at once")).toHaveLength(1);
  });

  it.each([
    ["overloaded", 503],
    ["breaks-off", 200],
  ])("runs anew after the worker that %s", async (model, status) => {
    for (const _ of [1, 2]) {
      const answer = await post(chat(model, `${model} anew`, { stream: true }), once(model));
      expect(answer.status).toBe(status);
      expect(answer.headers.has("Idempotent-Replayed")).toBe(false);
      await answer.text().catch(() => undefined);
      const calls = () => callsOf(`${model} anew`);
      await expect
        .poll(async () => (await calls()).every(({ wasAborted }) => wasAborted || status === 503))
        .toBe(true);
      await scheduler.wait(50); // the attempt is given up after the answer has broken
    }
    expect(await callsOf(`${model} anew`)).toHaveLength(2);
  });

  it("gets a refusal again that would be the same", async () => {
    const invalid = { model: "answers" };
    const text = await (await post(invalid, once("invalid"))).text();
    const repeat = await post(invalid, once("invalid"));
    expect(repeat.headers.get("Idempotent-Replayed")).toBe("true");
    expect(await repeat.text()).toBe(text);
  });

  it("is told that the first answer was too large to be kept", async () => {
    const body = chat("answers-at-length", "long");
    const first = await post(body, once("long"));
    expect((await first.text()).length).toBeGreaterThan(MAX_KEPT_BYTES);
    const repeat = await post(body, once("long"));
    expect(repeat.headers.get("x-should-retry")).toBe("false");
    expect((await failureOf(repeat)).message).toContain("was not kept");
    expect(await callsOf("long")).toHaveLength(1);
  });

  it("shares nothing with another tenant's", async () => {
    await createKey("sk-other", {});
    const key = { "Idempotency-Key": "shared" };
    await (await post(chat("answers", "mine"), { headers: key })).text();
    const theirs = await post(chat("answers", "theirs"), {
      headers: { ...key, ...withKey("sk-other") },
    });
    expect(theirs.status).toBe(200);
    expect(theirs.headers.has("Idempotent-Replayed")).toBe(false);
  });

  it("is refused with a key of odd characters", async () => {
    const answer = await post(chat("answers", "odd"), once("a b"));
    expect(await failureOf(answer)).toMatchObject({ status: 400, param: "Idempotency-Key" });
  });
});

const answerNamed = (name: string) =>
  env.IDEMPOTENT_ANSWER.get(env.IDEMPOTENT_ANSWER.idFromName(name));

describe("an attempt whose edge has died", () => {
  it("is given up when nobody says that it goes on", async () => {
    const answer = answerNamed("dead");
    await answer.begin("a");
    await runInDurableObject(answer, (_, { storage }) => {
      storage.sql.exec("UPDATE request SET lease_until = ?", Date.now() - 1);
    });
    await answer.renew(1);
    expect(await answer.begin("a")).toEqual({ kind: "in_flight" });
    await runInDurableObject(answer, (_, { storage }) => {
      storage.sql.exec("UPDATE request SET lease_until = ?", Date.now() - 1);
    });
    expect(await answer.begin("a")).toEqual({ kind: "begun", attempt: 2 });
  });
});

describe("a kept answer", () => {
  it("is put together of several rows, and forgotten after its day", async () => {
    const answer = answerNamed("rows");
    await answer.begin("a");
    const body = new Uint8Array(3 * 2 ** 20 + 7).map((_, index) => index % 251);
    await answer.keep(1, { status: 201, contentType: "application/json", body });
    const repeat = await answer.begin("a");
    expect(repeat).toMatchObject({ kind: "answered", answer: { status: 201 } });
    expect(repeat.kind === "answered" && repeat.answer.body).toEqual(body);
    expect(await runDurableObjectAlarm(answer)).toBe(true);
    expect(await answer.begin("b")).toEqual({ kind: "begun", attempt: 1 });
  });
});

describe("an attempt that was overtaken", () => {
  it("keeps nothing and abandons nothing", async () => {
    const answer = answerNamed("overtaken");
    const body = Uint8Array.from([123, 125]);
    expect(await answer.begin("a")).toEqual({ kind: "begun", attempt: 1 });
    await answer.keep(2, { status: 200, contentType: "application/json", body });
    await answer.abandon(2);
    expect(await answer.begin("a")).toEqual({ kind: "in_flight" });
    await answer.keep(1, { status: 200, contentType: "application/json", body });
    await answer.abandon(1); // too late: it was kept
    expect(await answer.begin("a")).toMatchObject({ kind: "answered" });
    expect(await answer.begin("b")).toEqual({ kind: "mismatch" });
  });
});
