import { ApiError } from "@qwen3-vl/shared/errors";

import { S3Client } from "./s3-client.ts";

/** The deployment's bucket; files, uploads and large videos need it. */
export interface StorageEnv {
  S3_ENDPOINT?: string;
  S3_BUCKET?: string;
  S3_REGION?: string;
  S3_ACCESS_KEY_ID?: string;
  S3_SECRET_ACCESS_KEY?: string;
}

/** Undefined where the deployment has no bucket. @throws Error when only some of its settings are there */
export function findStorage(env: StorageEnv): S3Client | undefined {
  const {
    S3_ENDPOINT: endpoint,
    S3_BUCKET: bucket,
    S3_ACCESS_KEY_ID: accessKeyId,
    S3_SECRET_ACCESS_KEY: secretAccessKey,
  } = env;
  if (!endpoint) {
    return undefined;
  }
  if (!bucket || !accessKeyId || !secretAccessKey) {
    throw new Error(
      "S3_ENDPOINT is set; expected S3_BUCKET, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY too",
    );
  }
  const region = env.S3_REGION || "auto";
  const base = endpoint.replace(/\/+$/, "");
  return new S3Client({ endpoint: base, bucket, region, accessKeyId, secretAccessKey });
}

/** @throws ApiError `not_found` where the deployment has no bucket */
export function requireStorage(env: StorageEnv): S3Client {
  const storage = findStorage(env);
  if (storage === undefined) {
    throw new ApiError(
      "not_found",
      "This deployment has no file storage: its operator has not set S3_ENDPOINT. Send media in the request.",
    );
  }
  return storage;
}
