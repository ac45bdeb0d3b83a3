import { ApiError } from "@qwen3-vl/shared/errors";
import { parseRequest } from "@qwen3-vl/shared/invalid-request";
import { Hono } from "hono";
import type { Context } from "hono";

import { ChangeKey, CreateKey, ListKeys, RotateKey } from "../admin/admin-key.ts";
import type { AdminKeyList, AdminKeyWithValue } from "../admin/admin-key.ts";
import {
  changeKey,
  createKey,
  findKey,
  listKeys,
  revokeKey,
  rotateKey,
} from "../admin/managed-keys-table.ts";
import type { KeyColumns, ManagedKey } from "../admin/managed-keys-table.ts";
import { showKey } from "../admin/show-key.ts";
import type { AppEnv } from "../env.ts";
import { existing } from "../http/existing.ts";
import { listPage } from "../http/list-page.ts";
import { readJson, readOptionalJson } from "../http/read-json.ts";
import { hashSecret, newSecret, shownPrefix } from "../keys/key-secret.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { createLogger } from "../observability/logger.ts";

/**
 * `/admin/keys`: issue, list, change, rotate and revoke keys. None is ever deleted, for usage is told
 * by key; a change is seen everywhere within the 30 s that keys are cached.
 */
export const adminKeys = new Hono<AppEnv>()
  .post("/", async (c) => {
    const now = Date.now();
    const body = parseRequest(CreateKey, await readJson(c.req.raw));
    const settings = toColumns(body);
    if (typeof settings.expires_at === "number" && settings.expires_at <= now) {
      throw new ApiError(
        "invalid_request",
        `expires_at: expected a time to come in seconds since 1970, got ${body.expires_at}.`,
        { param: "expires_at" },
      );
    }
    const { value, ...secret } = await makeSecret();
    const key = await createKey(c.env.DB, secret, { ...settings, name: body.name }, now);
    log(c, "key_created", key);
    return c.json({ ...showKey(key, now), value } satisfies AdminKeyWithValue);
  })
  .get("/", async (c) => {
    const labels = c.req.queries("label");
    const query = parseRequest(ListKeys, {
      ...c.req.query(),
      ...(labels === undefined ? {} : { label: labels }),
    });
    return c.json(await onePage(c.env.DB, query));
  })
  .all("/", methodNotAllowed("GET", "POST"))
  .get("/:id", async (c) => {
    const key = existing(await findKey(c.env.DB, c.req.param("id")), "key");
    return c.json(showKey(key, Date.now()));
  })
  .patch("/:id", async (c) => {
    const settings = toColumns(parseRequest(ChangeKey, await readJson(c.req.raw)));
    const key = existing(await changeKey(c.env.DB, c.req.param("id"), settings), "key");
    log(c, "key_changed", key);
    return c.json(showKey(key, Date.now()));
  })
  .all("/:id", methodNotAllowed("GET", "PATCH"))
  .post("/:id/rotate", async (c) => {
    const body = parseRequest(RotateKey, await readOptionalJson(c.req.raw));
    const now = Date.now();
    const id = existing(await findKey(c.env.DB, c.req.param("id")), "key").id;
    const { value, ...secret } = await makeSecret();
    const times = { now, overlapUntil: now + body.overlap_seconds * 1000 };
    const key = await rotateKey(c.env.DB, id, secret, times);
    if (key === undefined) {
      throw new ApiError("conflict", "Expected a key in use, got one that is expired or revoked.");
    }
    log(c, "key_rotated", key);
    return c.json({ ...showKey(key, now), value } satisfies AdminKeyWithValue);
  })
  .all("/:id/rotate", methodNotAllowed("POST"))
  .post("/:id/revoke", async (c) => {
    const now = Date.now();
    const key = existing(await revokeKey(c.env.DB, c.req.param("id"), now), "key");
    log(c, "key_revoked", key);
    return c.json(showKey(key, now));
  })
  .all("/:id/revoke", methodNotAllowed("POST"));

/** Who holds the token is not known, but what was done with it, to which key and when, stays. */
function log({ env, var: { requestId } }: Context<AppEnv>, event: string, key: ManagedKey): void {
  createLogger(env.LOG).info(event, { requestId, apiKeyId: key.id });
}

async function makeSecret() {
  const value = newSecret();
  return { value, hash: await hashSecret(value), prefix: shownPrefix(value) };
}

/** Null takes a setting away; of those that are lists or tables, by making them empty. */
function toColumns({ owner, expires_at: expiresAt, ...settings }: ChangeKey): KeyColumns {
  return {
    ...settings,
    ...(owner === undefined ? {} : { owner }),
    ...(expiresAt === undefined
      ? {}
      : { expires_at: expiresAt === null ? null : expiresAt * 1000 }),
  };
}

async function onePage(db: D1Database, query: ListKeys): Promise<AdminKeyList> {
  const { owner, label = [], limit } = query;
  const after = query.after === undefined ? undefined : await findKey(db, query.after);
  if (query.after !== undefined && after === undefined) {
    throw new ApiError("invalid_request", "after: expected the id of a key.", { param: "after" });
  }
  const labels = label.map((text) => {
    const [name = "", ...rest] = text.split("=");
    return { name, value: rest.join("=") };
  });
  // One more than asked for tells whether there are more.
  const keys = await listKeys(db, { owner, labels, after, limit: limit + 1 });
  const now = Date.now();
  const data = keys.slice(0, limit).map((key) => showKey(key, now));
  return listPage(data, keys.length > limit);
}
