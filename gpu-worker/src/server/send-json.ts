import type { ServerResponse } from "node:http";

import type { ApiError } from "@qwen3-vl/shared/errors";

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const bytes = Buffer.from(JSON.stringify(body));
  const own = { "Content-Type": "application/json", "Content-Length": String(bytes.length) };
  response.writeHead(status, { ...own, ...headers });
  response.end(bytes);
}

export function sendError(response: ServerResponse, error: ApiError): void {
  sendJson(response, error.status, error, error.headers);
}
