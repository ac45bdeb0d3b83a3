import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";

export interface RunningServer {
  url: string;
  port: number;
  close: () => Promise<void>;
}

/** Serves on a free port of 127.0.0.1. */
export async function listen(handle: RequestListener): Promise<RunningServer> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error(`expected a TCP address, got ${address}`);
  }
  const { port } = address;
  return { url: `http://127.0.0.1:${port}`, port, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
