import { env } from "cloudflare:workers";
import * as z from "zod";

import { AdminKey, AdminKeyList, AdminKeyWithValue } from "../../edge/src/admin/admin-key.ts";
import { failureOf, send } from "./edge-client.ts";

export const ADMIN_TOKEN = env.ADMIN_TOKEN ?? "";

/** Calls a route below `/admin/keys` as the administrator; a body is sent as JSON. */
export function admin(method: string, path = "", body?: unknown): Promise<Response> {
  return send(`/admin/keys${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${ADMIN_TOKEN}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

export async function createKey(settings: object = {}): Promise<AdminKeyWithValue> {
  const answer = await admin("POST", "", { name: "test", ...settings });
  return z.strictObject(AdminKeyWithValue.shape).parse(await answer.json());
}

export async function keyFrom(answer: Response): Promise<AdminKey> {
  return z.strictObject(AdminKey.shape).parse(await answer.json());
}

export async function listKeys(query: string): Promise<AdminKeyList> {
  return AdminKeyList.parse(await (await admin("GET", `?${query}`)).json());
}

export async function refusal(method: string, path: string, body?: unknown) {
  const { status, code, param, message } = await failureOf(await admin(method, path, body));
  return { status, code, param, message };
}
