import type { RunningSystem } from "../../support/running-system.ts";

/** Asks with the system's own key, unless the headers have another. */
export async function postCompletion(
  { url, apiKey }: Pick<RunningSystem, "url" | "apiKey">,
  body: object | string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}
