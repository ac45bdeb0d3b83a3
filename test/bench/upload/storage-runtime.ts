import { once } from "node:events";
import { createServer } from "node:http";

import { Miniflare, convertV4MiniflareOptions } from "miniflare";

import { localStorage } from "../../../dev/src/local-storage.ts";
import type { LocalStorage } from "../../../dev/src/local-storage.ts";
import { descendantsOf } from "../../support/descendants.ts";
import { listen } from "../../support/listen.ts";

/** Miniflare's S3 endpoint in a runtime of its own, so that its memory is not taken for the edge's. */
export interface StorageRuntime {
  local: LocalStorage;
  /** Of its workerd. */
  pid: number;
  close: () => Promise<void>;
}

/** @param folder in which its objects are */
export async function startStorage(folder: string): Promise<StorageRuntime> {
  const port = await freePort();
  const local = localStorage(`http://127.0.0.1:${port}`);
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port,
      cf: false,
      resourcePersistencePath: folder,
      modules: true,
      script: "export default { fetch: () => new Response(null, { status: 404 }) };",
      r2Buckets: local.r2Buckets,
    }),
  );
  await runtime.ready;
  const [pid = 0] = await workerds();
  return { local, pid, close: () => runtime.dispose() };
}

/** Process ids of the Workers runtimes that this process has started. */
export async function workerds(): Promise<number[]> {
  const processes = await descendantsOf(process.pid);
  return processes.filter(({ command }) => command.includes("workerd serve")).map(({ pid }) => pid);
}

/** The storage's port is a part of its URLs, which are needed before it runs. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  return port;
}
