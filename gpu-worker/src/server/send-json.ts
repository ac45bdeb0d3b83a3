import type { ServerResponse } from "node:http";

import type { ApiError } from "@qwen3-vl/shared/errors";

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

export function sendError(response: ServerResponse, error: ApiError): void {
  sendJson(response, error.status, error, error.headers);
}
