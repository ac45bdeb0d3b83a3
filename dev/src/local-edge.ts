import { dirname, join } from "node:path";

import { build, stop } from "esbuild";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import { unstable_readConfig } from "wrangler";

import type { LocalStorage } from "./local-storage.ts";
import { applyMigrations } from "./migrations.ts";

export interface LocalEdgeOptions {
  /** Path of `wrangler.toml`. */
  configPath: string;
  /** Folder in which the database and files live on. */
  stateFolder: string;
  vars: Record<string, string>;
  /** Without it, the edge has no files. */
  storage?: LocalStorage;
}

/** The edge in the real Workers runtime, with its database and files on the disk. */
export interface LocalEdge {
  port: number;
  close: () => Promise<void>;
}

/**
 * Starts what `wrangler.toml` describes. Wrangler's own development server is not used: its proxy does
 * not pass on that a client has left before the answer's headers.
 *
 * @param script the Worker as `bundleEdge` makes it
 */
export async function startLocalEdge(
  script: string,
  { configPath, stateFolder, vars, storage }: LocalEdgeOptions,
): Promise<LocalEdge> {
  const config = readConfig(configPath);
  const [database] = config.d1_databases;
  if (database?.migrations_dir === undefined) {
    throw new Error(`${configPath} names no database with migrations`);
  }
  const options = convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    resourcePersistencePath: stateFolder,
    modules: true,
    script,
    compatibilityDate: config.compatibility_date ?? "",
    compatibilityFlags: config.compatibility_flags,
    bindings: { ...config.vars, ...storage?.vars, ...vars },
    r2Buckets: storage?.r2Buckets ?? {},
    d1Databases: { [database.binding]: database.database_id ?? "" },
    ...durableObjectsAndQueues(config),
  });
  const runtime = keepingSignals(() => new Miniflare(options));
  const { port } = await runtime.ready;
  const migrations = join(dirname(configPath), database.migrations_dir);
  await applyMigrations(await runtime.getD1Database(database.binding), migrations);
  return { port: Number(port), close: () => runtime.dispose() };
}

/** What is read of wrangler's configuration, whose own type comes to nothing in its package. */
interface ObjectsAndQueues {
  durable_objects: { bindings: { name: string; class_name: string }[] };
  queues: {
    producers?: { binding: string; queue: string }[];
    consumers?: {
      queue: string;
      max_batch_size?: number;
      max_batch_timeout?: number;
      max_retries?: number;
      dead_letter_queue?: string;
    }[];
  };
}

function durableObjectsAndQueues({ durable_objects: objects, queues }: ObjectsAndQueues) {
  return {
    durableObjects: Object.fromEntries(
      objects.bindings.map(({ name, class_name }) => [
        name,
        { className: class_name, useSQLite: true },
      ]),
    ),
    queueProducers: Object.fromEntries(
      (queues.producers ?? []).map(({ binding, queue }) => [binding, { queueName: queue }]),
    ),
    queueConsumers: Object.fromEntries(
      (queues.consumers ?? []).map((consumer) => [
        consumer.queue,
        {
          maxBatchSize: consumer.max_batch_size ?? 10,
          maxBatchTimeout: consumer.max_batch_timeout ?? 5,
          maxRetries: consumer.max_retries ?? 3,
          ...(consumer.dead_letter_queue === undefined
            ? {}
            : { deadLetterQueue: consumer.dead_letter_queue }),
        },
      ]),
    ),
  };
}

/** The Worker as one module, as wrangler bundles it. */
export async function bundleEdge(configPath: string): Promise<string> {
  const { main } = readConfig(configPath);
  if (main === undefined) {
    throw new Error(`${configPath} names no main module`);
  }
  const { outputFiles } = await build({
    entryPoints: [main],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
  });
  await stop(); // esbuild's process, which would stay as long as this one
  return outputFiles[0]?.text ?? "";
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Miniflare ends the process at a signal, before the other parts are stopped in order; its listeners
 * are taken away again, and who starts the edge closes it.
 */
function keepingSignals<T>(create: () => T): T {
  const before = new Set(SIGNALS.flatMap((signal) => process.listeners(signal)));
  const created = create();
  for (const signal of SIGNALS) {
    for (const listener of process.listeners(signal)) {
      if (!before.has(listener)) {
        process.off(signal, listener);
      }
    }
  }
  return created;
}

function readConfig(configPath: string) {
  return unstable_readConfig({ config: configPath }, { hideWarnings: true });
}
