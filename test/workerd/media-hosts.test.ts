import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, inject, it } from "vitest";

import { createApp } from "../../edge/src/app.ts";
import type { FetchVariables } from "../../edge/src/media/media-fetching.ts";
import {
  API_KEY,
  callsOf,
  chatWithPictures,
  createApiKey,
  failureOf,
  timesAsked,
} from "./edge-client.ts";

beforeAll(() => createApiKey());

const PARAM = "messages.0.content.1.image_url.url";

async function ask(vars: FetchVariables, prompt: string, url: string): Promise<Response> {
  const context = createExecutionContext();
  const request = new Request("https://edge.test/v1/chat/completions", {
    method: "POST",
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify(chatWithPictures(prompt, [url])),
  });
  const answer = await createApp().fetch(request, { ...env, ...vars }, context);
  const text = await answer.text();
  await waitOnExecutionContext(context);
  return new Response(text, answer);
}

describe("hosts of media", () => {
  it.each([
    ["the operator does not allow", { MEDIA_ALLOW_HOSTS: "*.example.com" }],
    ["the operator denies", { MEDIA_DENY_HOSTS: "cdn.example.org" }],
  ])("that %s are refused", async (name, vars) => {
    const failure = await failureOf(await ask(vars, name, "https://cdn.example.org/a.png"));
    expect(failure).toMatchObject({ status: 400, code: "invalid_request", param: PARAM });
    expect(failure.message).toContain("not among those that are permitted");
    expect(await callsOf(name)).toEqual([]);
  });

  it("that a key does not allow are refused to it", async () => {
    const hosts = JSON.stringify({ allow: ["cdn.example.com"] });
    await env.DB.prepare("UPDATE api_keys SET media_hosts = ?").bind(hosts).run();
    const failure = await failureOf(await ask({}, "key", "https://cdn.example.org/a.png"));
    expect(failure).toMatchObject({ status: 400, param: PARAM });
    const other = await ask({}, "key", "https://cdn.example.com:9/a.png");
    expect((await failureOf(other)).message).toContain("port"); // its host is none of the reasons
    await env.DB.prepare("UPDATE api_keys SET media_hosts = '{}'").run();
  });

  it("that are our own bucket's are refused, whoever signed the URL", async () => {
    const S3_ENDPOINT = "https://s3.example.com";
    const vars = { S3_ENDPOINT, S3_BUCKET: "media" };
    const url = `${S3_ENDPOINT}/media/tenants/other/file?X-Amz-Signature=abc`;
    const failure = await failureOf(await ask(vars, "bucket", url));
    expect(failure).toMatchObject({ status: 400, code: "invalid_request", param: PARAM });
  });
});

describe("FETCH_IN=worker", () => {
  it("leaves URLs in the request to the GPU worker, with the policy, and fetches nothing", async () => {
    const path = "/good.png?in-worker";
    const url = `${inject("pictureServerUrl")}${path}`;
    const vars = { FETCH_IN: "worker", MEDIA_DENY_HOSTS: "bad.example.com" };
    expect((await ask(vars, "in worker", url)).status).toBe(200);
    expect(await timesAsked(path)).toBe(0);
    expect(await callsOf("in worker")).toMatchObject([
      {
        media: [],
        body: { messages: [{ content: [{ type: "text" }, { image_url: { url } }] }] },
        fetch: { allowHttpLoopback: true, hosts: [{ deny: ["bad.example.com"] }, {}] },
      },
    ]);
  });

  it("still refuses here what is refused by its spelling", async () => {
    const vars = { FETCH_IN: "worker" };
    const failure = await failureOf(await ask(vars, "refused here", "https://10.0.0.1/a.png"));
    expect(failure).toMatchObject({ status: 400, param: PARAM });
    expect(await callsOf("refused here")).toEqual([]);
  });

  it.each([{ FETCH_IN: "nowhere" }, { MEDIA_ALLOW_HOSTS: "https://example.com/" }])(
    "%j is the operator's mistake, and nothing is fetched",
    async (vars) => {
      const path = `/good.png?${Object.keys(vars).join()}`;
      const answer = await ask(vars, "mistake", `${inject("pictureServerUrl")}${path}`);
      expect(answer.status).toBe(500);
      expect(await timesAsked(path)).toBe(0);
    },
  );
});
