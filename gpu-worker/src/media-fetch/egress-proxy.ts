import type { LookupAddress } from "node:dns";
import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";
import type { Socket } from "node:net";

/** Where a tunnel leads. */
export interface TunnelTarget {
  address: LookupAddress;
  port: number;
}

/**
 * Opens a tunnel through an HTTP proxy by CONNECT. The proxy is told the address that was checked, not the
 * name, which it would resolve once more.
 *
 * @param proxy may hold a user name and password
 */
export function openTunnel(
  proxy: URL,
  { address: { address }, port }: TunnelTarget,
  signal: AbortSignal,
): Promise<Socket> {
  const authority = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const request = httpRequest({
    host: proxy.hostname.replace(/^\[|\]$/g, ""),
    port: proxy.port === "" ? 80 : proxy.port,
    method: "CONNECT",
    path: authority,
    headers: { Host: authority, ...authorization(proxy) },
    agent: false,
    signal,
  });
  request.on("connect", ({ statusCode }: IncomingMessage, socket: Socket) => {
    socket.on("error", () => undefined); // whoever uses it hears it too; alone, it would end the process
    if (statusCode === 200) {
      resolve(socket);
    } else {
      socket.destroy();
      reject(new Error(`the egress proxy answered with status ${statusCode}`));
    }
  });
  request.on("response", ({ statusCode }: IncomingMessage) => {
    request.destroy();
    reject(new Error(`the egress proxy answered with status ${statusCode}`));
  });
  request.on("error", reject);
  request.end();
  return promise;
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === "") {
    return {};
  }
  const credentials = [username, password].map(decodeURIComponent).join(":");
  return { "Proxy-Authorization": `Basic ${Buffer.from(credentials).toString("base64")}` };
}
