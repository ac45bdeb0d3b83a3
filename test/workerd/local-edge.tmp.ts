/** The edge on this machine: bundled, in the real Workers runtime, with its database on disk. */
import { readdir, readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { dirname, join } from "node:path";

import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { unstable_readConfig } from "wrangler";

export interface LocalEdgeOptions {
  /** Path of `wrangler.toml`. */
  config: string;
  /** Folder in which the database lives on. */
  stateDir: string;
  port: number;
  vars: Record<string, string>;
}

export interface LocalEdge {
  url: string;
  close: () => Promise<void>;
}

export async function startLocalEdge(options: LocalEdgeOptions): Promise<LocalEdge> {
  const config = unstable_readConfig({ config: options.config }, { hideWarnings: true });
  const [database] = config.d1_databases;
  if (config.main === undefined || database?.migrations_dir === undefined) {
    throw new Error(`${options.config} names no main module or no database`);
  }
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      resourcePersistencePath: join(options.stateDir, "edge"),
      modules: true,
      script: await bundle(config.main),
      compatibilityDate: config.compatibility_date ?? "",
      compatibilityFlags: config.compatibility_flags,
      bindings: { ...config.vars, ...options.vars },
      d1Databases: { DB: database.database_id ?? "" },
    }),
  );
  const { port } = await runtime.ready;
  const migrations = join(dirname(options.config), database.migrations_dir);
  await applyMigrations(await runtime.getD1Database("DB"), migrations);
  const door = await openFrontDoor(options.port, Number(port));
  return {
    url: `http://127.0.0.1:${door.port}`,
    close: async () => {
      await door.close();
      await runtime.dispose();
    },
  };
}

async function bundle(main: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [main],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
  });
  return outputFiles[0]?.text ?? "";
}

type Database = Awaited<ReturnType<Miniflare["getD1Database"]>>;

/** Same bookkeeping as `wrangler d1 migrations apply`, without a second process. */
async function applyMigrations(db: Database, folder: string): Promise<void> {
  await db
    .prepare(
      "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
    )
    .run();
  const { results } = await db.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(results.map(({ name }) => name));
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).toSorted();
  for (const name of names.filter((file) => !applied.has(file))) {
    const sql = await readFile(join(folder, name), "utf8");
    // Our migrations have no semicolon or dashes inside strings.
    const statements = sql.replaceAll(/--.*$/gm, "").split(";").filter((part) => part.trim() !== "");
    await db.batch([
      ...statements.map((statement) => db.prepare(statement)),
      db.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name),
    ]);
  }
}

/**
 * Passes connections on to the runtime. workerd takes a client's FIN for a half-closed connection
 * and goes on until it writes, so an unstreamed answer would be computed for nobody; a reset it
 * notices at once.
 */
async function openFrontDoor(port: number, target: number) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const runtime = connect(target, "127.0.0.1");
    for (const socket of [client, runtime]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        runtime.resetAndDestroy();
        client.destroySoon();
      });
    }
    client.pipe(runtime, { end: false });
    client.on("end", () => runtime.resetAndDestroy());
    runtime.pipe(client);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of sockets) {
        socket.destroy();
      }
      return new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
