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

  it("forgets the requests that ended first, but never one that runs, however old", async () => {
    const registry = new RequestRegistry();
    const old = begin(registry, "old");
    for (let index = 0; index <= 4096; index++) {
      registry.end(begin(registry, `r${index}`));
    }
    expect(await registry.abort("r0")).toBeUndefined();
    expect(await registry.abort("r1")).toBeDefined();
    registry.abortAll();
    expect(old.signal.aborted).toBe(true);
    registry.end(old);
    expect(await registry.abort("old")).toBeDefined();
  });
});
