import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";

import { StartError } from "./settings.ts";

/**
 * Passes connections on to the Workers runtime, and a client's leaving with them. workerd takes a FIN
 * for a half-closed connection and goes on until it next writes, so an answer that is not streamed
 * would be computed for nobody (20 of 20 never noticed); a reset it notices within 10 ms. In front of
 * a deployed Worker, Cloudflare's own proxies do this.
 */
export class FrontDoor {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #runtimePort: number | undefined;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on("connection", (client) => this.#admit(client));
  }

  /** Takes the port at once, so that a port in use is known before anything else starts. */
  static async open(port: number): Promise<FrontDoor> {
    const server = createServer();
    server.listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch (cause) {
      throw new StartError(`PORT=${port}: the port is in use; choose another, or 0 for any`, {
        cause,
      });
    }
    const address = server.address();
    return new FrontDoor(
      server,
      typeof address === "object" && address !== null ? address.port : port,
    );
  }

  /** From now on connections go to the runtime; those before are closed at once. */
  lead(runtimePort: number): void {
    this.#runtimePort = runtimePort;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await closed;
  }

  #admit(client: Socket): void {
    if (this.#runtimePort === undefined) {
      client.destroy();
      return;
    }
    const runtime = connect(this.#runtimePort, "127.0.0.1");
    for (const socket of [client, runtime]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined); // whatever it was, `close` follows
      socket.on("close", () => {
        this.#sockets.delete(socket);
        runtime.resetAndDestroy();
        client.destroySoon();
      });
    }
    client.pipe(runtime, { end: false });
    client.on("end", () => runtime.resetAndDestroy());
    runtime.pipe(client);
  }
}
