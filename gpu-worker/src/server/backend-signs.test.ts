/** What an edge that chooses between workers and an operator who searches a log go by. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Logger } from "../log.ts";
import { send } from "./test-calls.ts";
import { TestWorker, chatCall, eventsOf, signed } from "./test-worker.ts";

const lines: string[] = [];
let worker: TestWorker;
beforeAll(async () => {
  const logger = new Logger("info", (line) => lines.push(line));
  worker = await TestWorker.start({ places: 1, logger });
});
afterAll(() => worker.stop());

const health = async () => send(worker, await signed({ path: "/v1/health" }));

describe("a worker tells on each answer", () => {
  it("how many answers are inside, how many run together and how many it takes", async () => {
    expect((await health()).headers["x-worker-load"]).toBe("requests=0, slots=8, places=1");
  });

  it("that it is full, so that another may be asked, and that it takes requests again", async () => {
    const release = Promise.withResolvers<void>();
    worker.answer = async function* answer() {
      await release.promise;
      yield* eventsOf("done");
    };
    const inside = send(worker, await chatCall({ body: {} }));
    await expect.poll(() => worker.admission.inside).toBe(1);
    expect(await health()).toMatchObject({ status: 503, text: '{"status":"busy"}' });
    const refused = await send(worker, await chatCall({ body: {} }));
    expect(refused).toMatchObject({ status: 503, headers: { "x-worker-busy": "1" } });
    expect(refused.headers["x-worker-load"]).toBe("requests=1, slots=8, places=1");
    release.resolve();
    expect((await inside).status).toBe(200);
    expect(await health()).toMatchObject({ status: 200, text: '{"status":"ready"}' });
  });

  it("nothing of that with a refusal that another worker would give too", async () => {
    const refused = await send(worker, await chatCall({ body: { n: 0 } }));
    expect(refused.status).toBe(400);
    expect(refused.headers["x-worker-busy"]).toBeUndefined();
  });

  it("its health only to who has signed", async () => {
    expect(await send(worker, { path: "/v1/health" })).toMatchObject({ status: 401 });
  });
});

async function lineOf(headers: Record<string, string>): Promise<unknown> {
  lines.length = 0;
  worker.answer = () => eventsOf("a secret");
  const call = await chatCall({ body: {} });
  await send(worker, { ...call, headers: { ...call.headers, ...headers } });
  await expect.poll(() => lines.length).toBe(1);
  expect(lines[0]).not.toContain("secret");
  return JSON.parse(lines[0] ?? "");
}

describe("the one log line of a request", () => {
  const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

  it("has the id that the client sees, and the trace", async () => {
    const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;
    expect(await lineOf({ "X-Request-Id": "my_id-1", traceparent })).toMatchObject({
      level: "info",
      event: "request",
      requestId: "my_id-1",
      traceId: TRACE,
      method: "POST",
      path: "/v1/chat/completions",
      status: 200,
      wasCutOff: false,
    });
  });

  it.each(["", "x".repeat(65), 'a"b'])("has no id from the header %j", async (id) => {
    expect(await lineOf({ "X-Request-Id": id })).not.toHaveProperty("requestId");
  });
});
