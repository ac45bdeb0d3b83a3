import { ApiError } from "@qwen3-vl/shared/errors";
import { CompleteRequest, MAX_PART_URLS, NewUpload, PartsRequest } from "@qwen3-vl/shared/uploads";
import type { SentPart, StartedUpload, UploadParts } from "@qwen3-vl/shared/uploads";
import { Hono } from "hono";
import type { Context } from "hono";

import type { AppEnv } from "../env.ts";
import { parseJsonBody } from "../http/parse-json-body.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { requireStorage } from "../storage/storage-settings.ts";
import { discardUpload, finishUpload } from "../uploads/finish-upload.ts";
import { presignParts, presignPut } from "../uploads/presigned-puts.ts";
import { startUpload } from "../uploads/start-upload.ts";
import { missingParts, sentParts } from "../uploads/upload-parts.ts";
import { isUploadId, partCountOf, toUploadObject } from "../uploads/upload.ts";
import type { Upload } from "../uploads/upload.ts";
import { findUpload } from "../uploads/uploads-table.ts";

/** `/v1/uploads`: large files, whose bytes go straight to the storage by presigned URLs. */
export const uploads = new Hono<AppEnv>()
  .post("/", async (c) => {
    const store = storeOf(c);
    const request = await parseJsonBody(c.req.raw, NewUpload);
    const now = Date.now();
    const upload = await startUpload(store, c.var.apiKey, request, now);
    const isOne = upload.partBytes === null;
    const first = isOne ? [] : missingParts(upload, []).slice(0, MAX_PART_URLS);
    return c.json({
      ...toUploadObject(upload),
      put: isOne ? await presignPut(store.s3, upload, now) : null,
      parts: isOne ? [] : await presignParts(store.s3, upload, first, now),
    } satisfies StartedUpload);
  })
  .post("/:id/parts", async (c) => {
    const store = storeOf(c);
    const request = await parseJsonBody(c.req.raw, PartsRequest, { optional: true });
    const upload = await ownUpload(c, c.req.param("id"));
    assertPending(upload);
    const { partBytes } = upload;
    if (partBytes === null) {
      throw new ApiError("invalid_request", "Expected an upload in parts; this one is one PUT.");
    }
    assertPartNumbers(upload, [...(request.part_numbers ?? []), ...request.sent.map(numberOf)]);
    const sent = await sentParts(store, upload, request.sent);
    const wanted = request.part_numbers ?? missingParts(upload, sent).slice(0, MAX_PART_URLS);
    return c.json({
      object: "upload.parts",
      upload_id: upload.id,
      part_size: partBytes,
      part_count: partCountOf(upload),
      sent: sent.map(({ part_number, etag }) => ({ part_number, etag })),
      parts: await presignParts(store.s3, upload, wanted, Date.now()),
    } satisfies UploadParts);
  })
  .post("/:id/complete", async (c) => {
    const store = storeOf(c);
    const request = await parseJsonBody(c.req.raw, CompleteRequest, { optional: true });
    const upload = await ownUpload(c, c.req.param("id"));
    if (upload.status !== "completed") {
      assertPending(upload);
    }
    assertPartNumbers(upload, request.sent.map(numberOf));
    const file = await finishUpload(store, upload, request, Date.now());
    return c.json(toUploadObject({ ...upload, status: "completed" }, file));
  })
  .post("/:id/cancel", async (c) => {
    const store = storeOf(c);
    const upload = await ownUpload(c, c.req.param("id"));
    await discardUpload(store, upload);
    return c.json(toUploadObject({ ...upload, status: "cancelled" }));
  })
  .all("/", methodNotAllowed("POST"))
  .all("/:id/parts", methodNotAllowed("POST"))
  .all("/:id/complete", methodNotAllowed("POST"))
  .all("/:id/cancel", methodNotAllowed("POST"));

const storeOf = ({ env }: Context<AppEnv>) => ({ db: env.DB, s3: requireStorage(env) });
const numberOf = (part: SentPart) => part.part_number;

/** @throws ApiError `not_found` for another tenant's upload as for none */
async function ownUpload(c: Context<AppEnv>, id: string): Promise<Upload> {
  const upload = isUploadId(id) ? await findUpload(c.env.DB, c.var.apiKey.tenant, id) : undefined;
  if (upload === undefined) {
    throw new ApiError("not_found", "There is no such upload.", { param: "id" });
  }
  return upload;
}

function assertPending({ status, expiresAt }: Upload): void {
  const actual = status === "pending" && expiresAt <= Date.now() ? "expired" : status;
  if (actual !== "pending") {
    throw new ApiError("conflict", `Expected a pending upload, this one is ${actual}.`);
  }
}

function assertPartNumbers(upload: Upload, partNumbers: readonly number[]): void {
  const count = partCountOf(upload);
  const beyond = partNumbers.find((partNumber) => partNumber > count);
  if (beyond !== undefined) {
    const message = `part_number: expected at most ${count}, the upload's parts, got ${beyond}.`;
    throw new ApiError("invalid_request", message, { param: "part_number" });
  }
}
