import { Miniflare, convertV4MiniflareOptions } from "miniflare";

/** Where a bucket is, and the credentials it takes: variables of the Worker. */
export interface S3Variables {
  S3_ENDPOINT: string;
  S3_BUCKET: string;
  S3_ACCESS_KEY_ID: string;
  S3_SECRET_ACCESS_KEY: string;
}

const BUCKET = "media";

/** Miniflare's S3 endpoint over a bucket in memory, in a runtime of its own. */
export async function startS3(): Promise<{ variables: S3Variables; close: () => Promise<void> }> {
  const credentials = { accessKeyId: "test-id", secretAccessKey: "test-secret-access-key" };
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      modules: true,
      script: "export default { fetch: () => new Response(null, { status: 404 }) };",
      r2Buckets: { BUCKET: { id: BUCKET, s3Credentials: credentials } },
    }),
  );
  const { origin } = await runtime.ready;
  return {
    variables: {
      S3_ENDPOINT: `${origin}/cdn-cgi/local/r2/s3`,
      S3_BUCKET: BUCKET,
      S3_ACCESS_KEY_ID: credentials.accessKeyId,
      S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    close: () => runtime.dispose(),
  };
}
