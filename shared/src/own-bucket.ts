import * as z from "zod";

/** Where the deployment keeps what tenants have uploaded. */
export const OwnBucket = z.strictObject({
  /** Origin of the S3 endpoint, without the bucket. */
  endpoint: z.url(),
  bucket: z.string(),
});
export type OwnBucket = z.infer<typeof OwnBucket>;

/** One endpoint for all of its customers; everybody else's is the deployment's own. */
const SHARED_ENDPOINT = /(?:^|\.)amazonaws\.com$/;

/**
 * Whether a URL leads to our own bucket. What it would give belongs to a tenant, and perhaps to another
 * one than the caller: files are named by their ids, never by URLs. An endpoint of our own is refused
 * whole. Amazon's has many names, so there the bucket's name is looked for in host and path.
 */
export function isOwnBucket(url: URL, { endpoint, bucket }: OwnBucket): boolean {
  const own = new URL(endpoint);
  if (!SHARED_ENDPOINT.test(own.hostname)) {
    return isAtOrBelow(url.hostname, own.hostname) || isSameLoopback(url, own);
  }
  return (
    SHARED_ENDPOINT.test(url.hostname) &&
    (url.hostname.startsWith(`${bucket}.`) || segmentsOf(url).includes(bucket))
  );
}

function isAtOrBelow(hostname: string, parent: string): boolean {
  // In development the endpoint is this machine, as is much else: there the port decides.
  return !LOOPBACK.test(parent) && (hostname === parent || hostname.endsWith(`.${parent}`));
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

function isSameLoopback(url: URL, own: URL): boolean {
  return LOOPBACK.test(own.hostname) && LOOPBACK.test(url.hostname) && url.port === own.port;
}

/** As a server may read them, which decodes once. */
function segmentsOf({ pathname }: URL): string[] {
  return pathname.split("/").map((segment) => {
    try {
      return decodeURIComponent(segment);
    } catch {
      return segment;
    }
  });
}
