import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

import { listen } from "../../support/listen.ts";

/** A server in a process of its own. */
export interface ChildServer extends AsyncDisposable {
  url: string;
}

/** Python that has to compile its packages the first time takes longest. */
const START_MS = 120_000;

/**
 * Starts a server and waits until it answers HTTP.
 *
 * @param parameters of the command, for the port it is to listen on
 */
export async function startServer(
  command: string,
  parameters: (port: number) => readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ChildServer> {
  const port = await freePort();
  const child = spawn(command, parameters(port), {
    stdio: "ignore",
    env: { ...process.env, ...environment },
  });
  const url = `http://127.0.0.1:${port}`;
  const server = { url, [Symbol.asyncDispose]: () => end(child) };
  const deadline = Date.now() + START_MS;
  while (!(await answers(url))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await end(child);
      throw new Error(`${command} did not answer HTTP on port ${port}`);
    }
    await delay(200);
  }
  return server;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  return port;
}
