import OpenAI, {
  APIConnectionError,
  APIConnectionTimeoutError,
  ConflictError,
  InternalServerError,
  PermissionDeniedError,
} from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { MODEL, ask } from "../support/evaluation.ts";
import { startSystem } from "../support/running-system.ts";
import type { RunningSystem } from "../support/running-system.ts";
import { openUnsteadyFront } from "./unsteady-front.ts";

const resources = new AsyncDisposableStack();
let system: RunningSystem;
let front: string;
beforeAll(async () => {
  system = resources.use(await startSystem());
  front = resources.use(await openUnsteadyFront(system.url)).url;
});
afterAll(() => resources.disposeAsync());

function client(url = system.url, options: { maxRetries?: number; timeout?: number } = {}): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: system.apiKey, maxRetries: 0, ...options });
}

const Key = z.object({ id: z.string(), value: z.string().optional() });

/** The administrator's routes, through the client too. */
async function admin(path: string, body: object = {}): Promise<z.infer<typeof Key>> {
  const administrator = new OpenAI({
    baseURL: `${system.url}/admin`,
    apiKey: system.adminToken,
    maxRetries: 0,
  });
  return Key.parse(await administrator.post(path, { body }));
}

const hello = { model: MODEL, messages: ask("Hello"), max_tokens: 1 };

describe("OpenAI's Node client, beyond what test/e2e/chat.test.ts has", () => {
  it("tries again where the system is full, as often as it is told", async () => {
    const patient = client(`${front}/node-twice/fails-2`, { maxRetries: 2 });
    const { choices } = await patient.chat.completions.create(hello);
    expect(choices).toHaveLength(1);
    const once = client(`${front}/node-once/fails-2`, { maxRetries: 1 });
    const answer = once.chat.completions.create(hello);
    await expect(answer).rejects.toBeInstanceOf(InternalServerError);
    await expect(answer).rejects.toMatchObject({ status: 503, code: "overloaded" });
  });

  it("tells a timeout and a connection that fails", async () => {
    const stalled = client(`${front}/node/stalls`, { timeout: 500 }).models.list();
    await expect(stalled).rejects.toBeInstanceOf(APIConnectionTimeoutError);
    const closed = client("http://127.0.0.1:1").models.list();
    await expect(closed).rejects.toBeInstanceOf(APIConnectionError);
  });

  it("throws PermissionDeniedError for a key without the scope", async () => {
    const { value = "" } = await admin("/keys", { name: "narrow", scopes: { routes: ["models"] } });
    const narrow = client().withOptions({ apiKey: value });
    expect((await narrow.models.list()).data).toHaveLength(1);
    const answer = narrow.chat.completions.create(hello);
    await expect(answer).rejects.toBeInstanceOf(PermissionDeniedError);
    await expect(answer).rejects.toMatchObject({ status: 403, code: "permission_denied" });
  });

  it("throws ConflictError where two things do not go together", async () => {
    const { id } = await admin("/keys", { name: "ended" });
    await admin(`/keys/${id}/revoke`);
    const answer = admin(`/keys/${id}/rotate`);
    await expect(answer).rejects.toBeInstanceOf(ConflictError);
    await expect(answer).rejects.toMatchObject({ status: 409, code: "conflict" });
  });

  it("reads the headers of a raw response", async () => {
    const response = await client().chat.completions.create(hello).asResponse();
    expect(response.headers.get("X-Request-Id")).toMatch(/^[\da-f-]{36}$/);
    expect(response.headers.get("Content-Type")).toBe("application/json");
    await response.body?.cancel();
  });
});
