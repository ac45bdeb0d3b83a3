import { describe, expect, it } from "vitest";

import { RequestRegistry } from "./request-registry.ts";
import type { LiveRequest } from "./request-registry.ts";

function begin(registry: RequestRegistry, id: string): LiveRequest {
  const request = registry.begin(id);
  if (request === undefined) {
    throw new Error(`${id} is taken`);
  }
  return request;
}

describe("RequestRegistry", () => {
  it("takes each id once, also after its request has ended", () => {
    const registry = new RequestRegistry();
    const request = begin(registry, "a");
    expect(registry.begin("a")).toBeUndefined();
    request.counts.prompt = 7;
    registry.end(request);
    expect(registry.begin("a")).toBeUndefined();
    expect(registry.liveCount).toBe(0);
  });

  it("takes an id again whose request ended before it cost anything", () => {
    const registry = new RequestRegistry();
    registry.end(begin(registry, "a"));
    expect(registry.begin("a")).toBeDefined();
  });

  it("answers an abort with the final counts, once nothing more is counted", async () => {
    const registry = new RequestRegistry();
    const request = begin(registry, "a");
    request.counts.prompt = 7;
    const record = registry.abort("a");
    expect(request.signal.aborted).toBe(true);
    request.counts.completion = 3; // the step that was under way
    registry.end(request);
    expect(await record).toMatchObject({ usage: { prompt_tokens: 7, completion_tokens: 3 } });
  });

  it("still knows the tokens of a request that has ended, and nothing of an unknown one", async () => {
    const registry = new RequestRegistry();
    const request = begin(registry, "a");
    request.counts.completion = 5;
    registry.end(request);
    expect(await registry.abort("a")).toMatchObject({ usage: { completion_tokens: 5 } });
    expect(await registry.abort("b")).toBeUndefined();
  });

  it("does not begin a request that was aborted before it came", async () => {
    const registry = new RequestRegistry();
    expect(await registry.abort("late")).toBeUndefined();
    expect(registry.begin("late")).toBeUndefined();
    expect(await registry.abort("late")).toMatchObject({
      state: "aborted",
      usage: { total_tokens: 0 },
    });
  });

  it("tells how a request stands without ending it", () => {
    const registry = new RequestRegistry();
    const [answered, failed, left] = ["answered", "failed", "left"].map((id) =>
      begin(registry, id),
    );
    expect(registry.find("answered")).toMatchObject({ state: "running" });
    expect(answered?.signal.aborted).toBe(false);
    for (const request of [answered, failed, left]) {
      if (request !== undefined) {
        request.isAnswered = request === answered;
        if (request !== failed) {
          request.abort(); // as the end of the connection does, after an answer too
        }
        registry.end(request);
      }
    }
    expect(registry.find("answered")).toMatchObject({ state: "answered" });
    expect(registry.find("failed")).toMatchObject({ state: "failed" });
    expect(registry.find("left")).toMatchObject({ state: "aborted" });
    expect(registry.find("other")).toBeUndefined();
  });

  it("forgets the requests that ended first, but never one that runs, however old", () => {
    const registry = new RequestRegistry(100);
    const old = begin(registry, "old");
    for (let index = 0; index <= 100; index++) {
      registry.end(begin(registry, `r${index}`));
    }
    expect(registry.find("r0")).toBeUndefined();
    expect(registry.find("r1")).toBeDefined();
    registry.abortAll();
    expect(old.signal.aborted).toBe(true);
    registry.end(old);
    expect(registry.find("old")).toBeDefined();
  });
});
