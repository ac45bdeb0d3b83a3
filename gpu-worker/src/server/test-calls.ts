/** Plain HTTP to servers of tests. */
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { ClientRequest, IncomingMessage, Server } from "node:http";

/** Listens on a port of 127.0.0.1 that the system chooses, unless it is said. */
export async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) {
    throw new Error(`expected a port, got ${address}`);
  }
  return address.port;
}

export interface Call {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

/** Sends a call and waits for nothing: the request can be destroyed. */
export function start(
  { port }: { port: number },
  { method = "GET", path, headers, body }: Call,
): { request: ClientRequest; response: Promise<IncomingMessage> } {
  const request = httpRequest({ host: "127.0.0.1", port, method, path, headers, agent: false });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", reject);
  });
  response.catch(() => undefined); // for callers that only want to send
  request.end(body);
  return { request, response };
}

/** Sends a call; of the response, only the head is read. */
export async function open(target: { port: number }, call: Call) {
  const { request, response } = start(target, call);
  return { request, response: await response };
}

export interface Received {
  status: number | undefined;
  headers: IncomingMessage["headers"];
  text: string;
}

export async function send(worker: { port: number }, call: Call): Promise<Received> {
  const { response } = await open(worker, call);
  return { status: response.statusCode, headers: response.headers, text: await textOf(response) };
}

export async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) {
    text += String(chunk);
  }
  return text;
}
