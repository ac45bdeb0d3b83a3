/** Headers of a GPU worker's answer that are the client's business; the others stay here. */
const RELAYED_HEADERS = ["Content-Type", "Retry-After"];

/** The worker's answer to the client: same status, same bytes. */
export function toClientAnswer(
  { status, headers }: Response,
  body: ReadableStream<Uint8Array> | null,
): Response {
  const relayed = new Headers({ "Cache-Control": "no-store" });
  for (const name of RELAYED_HEADERS) {
    const value = headers.get(name);
    if (value !== null) {
      relayed.set(name, value);
    }
  }
  return new Response(body, { status, headers: relayed });
}
