import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { insertOf } from "../../edge/src/usage/usage-table.ts";
import { chat, createKey, failureOf, post, send, withKey } from "./edge-client.ts";

const Page = z.object({
  object: z.literal("list"),
  data: z.array(z.record(z.string(), z.union([z.string(), z.number()]))),
  has_more: z.boolean(),
  last_id: z.string().nullable(),
});

async function usage(key: string, query = "") {
  const answer = await send(`/v1/usage${query}`, { headers: withKey(key) });
  return Page.parse(await answer.json());
}

const DAY_MS = 86_400_000;

/** Three days of two keys of one tenant and two models, and a stranger's. */
beforeAll(async () => {
  const ids = await Promise.all(["sk-a", "sk-b"].map((key) => createKey(key, { owner: "team" })));
  const stranger = await createKey("sk-stranger", {});
  await createKey("sk-new", {});
  const records = [...ids, stranger].flatMap((apiKeyId, key) =>
    [0, 1, 2].flatMap((day) =>
      ["vl", "vl-thinking"].map((model) => ({
        id: `${apiKeyId}-${day}-${model}`,
        requestId: "r",
        apiKeyId,
        tenant: apiKeyId === stranger ? stranger : "team",
        model,
        startedAt: Date.UTC(2026, 9, 1) + day * DAY_MS,
        durationMs: 10,
        outcome: day === 2 ? ("cut_off" as const) : ("completed" as const),
        counts: { prompt: 10 + key, cached: 1, image: 4, video: 0, completion: 3, reasoning: 1 },
        media: { pixels: 1000, video_ms: 1500, frames: 4 },
        costMicros: 7,
      })),
    ),
  );
  await env.DB.batch(records.map((record) => insertOf(env.DB, record)));
});

const OCTOBER = "?start=2026-10-01&end=2026-11-01";

describe("GET /v1/usage", () => {
  it("sums what all keys of the tenant have used, and nobody else's", async () => {
    const expected = {
      object: "usage",
      requests: 12,
      completed_requests: 8,
      cut_off_requests: 4,
      prompt_tokens: 6 * 10 + 6 * 11,
      cached_tokens: 12,
      image_tokens: 48,
      completion_tokens: 36,
      reasoning_tokens: 12,
      pixels: 12_000,
      video_seconds: 18,
      frames: 48,
      cost: 84 / 1e6,
    };
    for (const key of ["sk-a", "sk-b"]) {
      const { data, has_more: hasMore } = await usage(key, OCTOBER);
      expect(data).toMatchObject([expected]);
      expect(hasMore).toBe(false);
    }
    expect((await usage("sk-stranger", OCTOBER)).data).toMatchObject([{ requests: 6 }]);
  });

  it("groups by day, model and key", async () => {
    const { data } = await usage("sk-a", `${OCTOBER}&group_by=day`);
    expect(data).toMatchObject([
      { day: "2026-10-01", requests: 4 },
      { day: "2026-10-02", requests: 4 },
      { day: "2026-10-03", requests: 4 },
    ]);
    const byKey = await usage("sk-a", `${OCTOBER}&group_by=model,key`);
    expect(byKey.data.map(({ model, requests }) => [model, requests])).toEqual([
      ["vl", 3],
      ["vl", 3],
      ["vl-thinking", 3],
      ["vl-thinking", 3],
    ]);
  });

  it("counts from its start to just before its end", async () => {
    const day = await usage("sk-a", "?start=2026-10-02&end=2026-10-03");
    expect(day.data).toMatchObject([{ requests: 4 }]);
  });

  it("goes from page to page and misses nothing", async () => {
    const query = `${OCTOBER}&group_by=day,model,key&limit=5`;
    const seen: string[] = [];
    let page = await usage("sk-a", query);
    for (;;) {
      seen.push(...page.data.map(({ day, model, api_key_id: id }) => `${day} ${model} ${id}`));
      if (!page.has_more) {
        break;
      }
      page = await usage("sk-a", `${query}&after=${page.last_id}`);
    }
    expect(seen).toHaveLength(12);
    expect(new Set(seen).size).toBe(12);
    expect(seen).toEqual(seen.toSorted((a, b) => (a < b ? -1 : 1)));
  });

  it("is all zeros for a key that was never used", async () => {
    expect((await usage("sk-new")).data).toMatchObject([
      { requests: 0, prompt_tokens: 0, cost: 0 },
    ]);
    expect((await usage("sk-new", "?group_by=day")).data).toEqual([]);
  });

  it("names a parameter that it does not know", async () => {
    const answer = await send("/v1/usage?tenant=team", { headers: withKey("sk-stranger") });
    expect(await failureOf(answer)).toMatchObject({ status: 400, param: "tenant" });
  });

  it("agrees with the answers, to the token", async () => {
    await createKey("sk-agrees", {});
    const headers = withKey("sk-agrees");
    for (const stream of [true, false, true]) {
      await (await post(chat("answers", "agrees", { stream }), { headers })).text();
    }
    await expect
      .poll(async () => (await usage("sk-agrees")).data)
      .toMatchObject([
        { requests: 3, prompt_tokens: 3 * 84, completion_tokens: 3 * 7, pixels: 3 * 50_176 },
      ]);
  });
});
