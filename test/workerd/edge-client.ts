import { env, exports } from "cloudflare:workers";
import { inject } from "vitest";
import * as z from "zod";

import { insertApiKey } from "../../edge/src/keys/api-keys-table.ts";
import { hashSecret } from "../../edge/src/keys/key-secret.ts";
import type { KeyLimits } from "../../edge/src/keys/key-settings.ts";

export const API_KEY = "sk-test";

/** Puts a key into the database, unless said the one that `post` and `get` use. */
export async function createApiKey(key = API_KEY): Promise<void> {
  const hash = await hashSecret(key);
  await insertApiKey(env.DB, { hash, prefix: "", name: key, createdAt: Date.now() });
}

export interface KeyOptions {
  limits?: KeyLimits;
  owner?: string;
}

/** Puts a key into the database; resolves to its id. */
export async function createKey(key: string, { limits = {}, owner }: KeyOptions): Promise<string> {
  const hash = await hashSecret(key);
  await insertApiKey(env.DB, { hash, prefix: "", name: key, createdAt: Date.now() });
  const { id } = z.object({ id: z.string() }).parse(
    await env.DB.prepare("UPDATE api_keys SET limits = ?, owner = ? WHERE hash = ? RETURNING id")
      .bind(JSON.stringify(limits), owner ?? null, hash)
      .first(),
  );
  return id;
}

export const withKey = (key: string) => ({ Authorization: `Bearer ${key}` });

const AUTHORIZATION = { Authorization: `Bearer ${API_KEY}` };

export function send(path: string, init: RequestInit = {}): Promise<Response> {
  return exports.default.fetch(new Request(`https://edge.test${path}`, init));
}

export function get(path: string): Promise<Response> {
  return send(path, { headers: AUTHORIZATION });
}

export interface Call {
  method?: string;
  key?: string;
  body?: BodyInit;
  json?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Any call with a key; by POST where there is a body. */
export function call(
  path: string,
  { method, key = API_KEY, body, json, headers, signal }: Call = {},
) {
  const sent = json === undefined ? body : JSON.stringify(json);
  return send(path, {
    method: method ?? (sent === undefined ? "GET" : "POST"),
    headers: {
      Authorization: `Bearer ${key}`,
      ...(json === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    },
    ...(sent === undefined ? {} : { body: sent }),
    ...(signal === undefined ? {} : { signal }),
  });
}

export interface PostOptions {
  headers?: Record<string, string>;
  /** In place of the first argument. */
  body?: BodyInit;
  signal?: AbortSignal;
}

export function post(body: unknown, init: PostOptions = {}): Promise<Response> {
  return send("/v1/chat/completions", {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
    headers: { ...AUTHORIZATION, "Content-Type": "application/json", ...init.headers },
  });
}

/** A request whose model names a script of `fakes/gpu-worker-scripts.ts`. */
export function chat(model: string, prompt: string, fields: object = {}): object {
  return { model, messages: [{ role: "user", content: prompt }], ...fields };
}

export function chatWithPictures(prompt: string, urls: readonly string[]): object {
  const pictures = urls.map((url) => ({ type: "image_url", image_url: { url } }));
  const content = [{ type: "text", text: prompt }, ...pictures];
  return { model: "answers", messages: [{ role: "user", content }] };
}

const ErrorBody = z.strictObject({
  error: z.strictObject({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string(),
  }),
});

/** Status and OpenAI error of an answer. */
export async function failureOf(response: Response) {
  const { error } = ErrorBody.parse(await response.json());
  return { status: response.status, ...error };
}

const RecordedCalls = z.array(
  z.object({
    id: z.string(),
    traceparent: z.string().nullable(),
    tracestate: z.string().nullable(),
    requestId: z.string().nullable(),
    body: z.object({ messages: z.array(z.object({ content: z.unknown() })) }),
    fetch: z.unknown(),
    media: z.array(
      z.object({ name: z.string(), type: z.string(), bytes: z.int(), sha256: z.string() }),
    ),
    stored: z.array(
      z.object({ name: z.string(), type: z.string(), bytes: z.int(), url: z.string() }),
    ),
    wasClosed: z.boolean(),
    wasAborted: z.boolean(),
    completionTokens: z.int(),
  }),
);

/** What the fake GPU worker saw of the requests with this prompt. */
export async function callsOf(prompt: string, workerUrl = inject("gpuWorkerUrl")) {
  const response = await fetch(`${workerUrl}/__calls?prompt=${encodeURIComponent(prompt)}`);
  return RecordedCalls.parse(await response.json());
}

/** The usage records of the requests with this prompt. */
export async function usageOf(prompt: string) {
  const ids = (await callsOf(prompt)).map(({ id }) => id);
  const marks = ids.map(() => "?").join(", ");
  const { results } = await env.DB.prepare(`SELECT * FROM usage_records WHERE id IN (${marks})`)
    .bind(...ids)
    .all();
  return results;
}

/** The usage records of a key, in order of their beginning. */
export async function usageOfKey(apiKeyId: string) {
  const { results } = await env.DB.prepare(
    "SELECT * FROM usage_records WHERE api_key_id = ? ORDER BY started_at, id",
  )
    .bind(apiKeyId)
    .all();
  return results;
}

/** How often the picture server was asked for a path with its query. */
export async function timesAsked(path: string): Promise<number> {
  const url = `${inject("pictureServerUrl")}/count?of=${encodeURIComponent(path)}`;
  const response = await fetch(url);
  return Number(await response.text());
}
