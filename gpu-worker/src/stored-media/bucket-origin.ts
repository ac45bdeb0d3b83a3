/**
 * Whether a URL names an object of the deployment's bucket; no other is ever fetched.
 *
 * @param base the bucket's own URL without a slash at its end, from the deployment's settings
 */
export function isInBucket(text: string, base: string): boolean {
  const url = URL.parse(text);
  const bucket = new URL(base);
  return (
    url !== null &&
    url.origin === bucket.origin &&
    url.username === "" &&
    url.password === "" &&
    // The parser has resolved dots; what is encoded the storage takes as part of a key.
    url.pathname.startsWith(`${bucket.pathname.replace(/\/$/, "")}/`)
  );
}
