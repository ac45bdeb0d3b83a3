import { randomBytes } from "node:crypto";

const BUCKET = "media";

/** Miniflare's S3 endpoint, as the Worker's variables, the runtime's options and the GPU worker name it. */
export interface LocalStorage {
  vars: {
    S3_ENDPOINT: string;
    S3_BUCKET: string;
    S3_REGION: string;
    S3_ACCESS_KEY_ID: string;
    S3_SECRET_ACCESS_KEY: string;
  };
  r2Buckets: Record<
    string,
    { id: string; s3Credentials: { accessKeyId: string; secretAccessKey: string } }
  >;
  /** What the GPU worker may fetch from. */
  mediaOrigin: string;
}

/** @param origin where clients reach the local edge: presigned URLs lead there */
export function localStorage(origin: string): LocalStorage {
  const credentials = {
    accessKeyId: randomBytes(8).toString("hex"),
    secretAccessKey: randomBytes(32).toString("hex"),
  };
  const endpoint = `${origin}/cdn-cgi/local/r2/s3`;
  return {
    vars: {
      S3_ENDPOINT: endpoint,
      S3_BUCKET: BUCKET,
      S3_REGION: "auto",
      S3_ACCESS_KEY_ID: credentials.accessKeyId,
      S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    r2Buckets: { LOCAL_BUCKET: { id: BUCKET, s3Credentials: credentials } },
    mediaOrigin: `${endpoint}/${BUCKET}`,
  };
}
