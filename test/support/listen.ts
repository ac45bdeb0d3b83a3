import { once } from "node:events";
import type { Server } from "node:http";

/** Listens on a port of 127.0.0.1 that the system chooses, and tells it. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) {
    throw new Error(`expected a port, got ${address}`);
  }
  return address.port;
}
