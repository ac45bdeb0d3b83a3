import { FILE_ID, ListFiles } from "@qwen3-vl/shared/files";
import type { FileDeleted, FileList } from "@qwen3-vl/shared/files";
import { Hono } from "hono";
import type { Context } from "hono";

import type { AppEnv } from "../env.ts";
import { createFile } from "../files/create-file.ts";
import { deleteFileRow, findFile, listFiles } from "../files/files-table.ts";
import { toFileObject } from "../files/stored-file.ts";
import type { StoredFile } from "../files/stored-file.ts";
import { existing } from "../http/existing.ts";
import { listPage } from "../http/list-page.ts";
import { parseValue } from "../http/parse-json-body.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { untilSettled } from "../middleware/until-settled.ts";
import { deleteObject, getObject } from "../storage/objects.ts";
import { requireStorage } from "../storage/storage-settings.ts";

/** OpenAI lets ask for more; a page holds fewer, and `has_more` tells. */
const MAX_PAGE = 1000;

/** `/v1/files`: OpenAI's Files, of pictures and clips. */
export const files = new Hono<AppEnv>()
  .post("/", async (c) => {
    const store = { db: c.env.DB, s3: requireStorage(c.env) };
    const options = { drainRefused: c.env.DRAIN_REFUSED_REQUESTS === "true" };
    const creating = createFile(store, c.var.apiKey, c.req.raw, options);
    return c.json(toFileObject(await untilSettled(c, creating)));
  })
  .get("/", async (c) => {
    requireStorage(c.env);
    const { limit, order, after, purpose } = parseValue(c.req.query(), ListFiles);
    const page = Math.min(limit, MAX_PAGE);
    const cursor = after === undefined ? undefined : await ownFile(c, after, "after");
    const listing = { limit: page + 1, order, after: cursor, purpose };
    const found = await listFiles(c.env.DB, viewer(c), listing);
    const data = found.slice(0, page).map(toFileObject);
    return c.json(listPage(data, found.length > page) satisfies FileList);
  })
  .get("/:id", async (c) => c.json(toFileObject(await ownFile(c, c.req.param("id")))))
  .get("/:id/content", async (c) => content(c, await ownFile(c, c.req.param("id"))))
  .delete("/:id", async (c) => {
    const s3 = requireStorage(c.env);
    const { id, objectKey } = await ownFile(c, c.req.param("id"));
    await deleteObject(s3, objectKey);
    await deleteFileRow(c.env.DB, id);
    return c.json({ id, object: "file", deleted: true } satisfies FileDeleted);
  })
  .all("/", methodNotAllowed("GET", "POST"))
  .all("/:id", methodNotAllowed("GET", "DELETE"))
  .all("/:id/content", methodNotAllowed("GET"));

const viewer = (c: Context<AppEnv>) => ({ tenant: c.var.apiKey.tenant, now: Date.now() });

/** @throws ApiError `not_found` for another tenant's file as for none */
async function ownFile(c: Context<AppEnv>, id: string, param = "id"): Promise<StoredFile> {
  requireStorage(c.env);
  const file = FILE_ID.test(id) ? await findFile(c.env.DB, viewer(c), id) : undefined;
  return existing(file, "file", param);
}

/** Streamed from the storage as it comes; a range of it where one is asked for. */
async function content(c: Context<AppEnv>, file: StoredFile): Promise<Response> {
  const range = /^bytes=[\d-]{1,40}$/.exec(c.req.header("Range") ?? "")?.[0];
  const options = { range, signal: c.req.raw.signal };
  const found = await getObject(requireStorage(c.env), file.objectKey, options);
  const stored = existing(found, "file");
  const name = encodeURIComponent(file.filename).replaceAll("'", "%27");
  const headers = new Headers({
    "Content-Type": file.type,
    "Content-Disposition": `attachment; filename*=UTF-8''${name}`,
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-store",
  });
  for (const header of ["Content-Length", "Content-Range"]) {
    const value = stored.headers.get(header);
    if (value !== null) {
      headers.set(header, value);
    }
  }
  return new Response(stored.body, { status: stored.status, headers });
}
