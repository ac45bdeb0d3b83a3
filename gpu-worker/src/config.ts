import { availableParallelism, totalmem } from "node:os";
import { resolve } from "node:path";

import * as z from "zod";

import type { HubSettings } from "./hub/hub-client.ts";
import { LOG_LEVELS } from "./log.ts";
import { PRECISIONS } from "./model/precision.ts";
import type { Precision } from "./model/precision.ts";

/** What ONNX Runtime decodes efficiently as one batch. */
const SLOTS = 8;

const count = (fallback: number, minimum = 0) =>
  z.coerce.number().int().min(minimum).max(65_535).default(fallback);

const UNITS = { "": 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 } as const;

const byteSize = z
  .string()
  .regex(/^\d{1,12}(KB|MB|GB)?$/, "expected a number of bytes, or one with KB, MB or GB")
  .transform((text) => {
    const [, digits = "", unit = ""] = /^(\d+)(KB|MB|GB)?$/.exec(text) ?? [];
    return Number(digits) * (Object.entries(UNITS).find(([name]) => name === unit)?.[1] ?? 1);
  });

/** Without slashes at its end. */
const httpAddress = z
  .url({ protocol: /^https?$/, error: "expected an http or https address" })
  .refine(isPlainAddress, "expected an address without user, query and fragment")
  .transform((address) => address.replace(/\/+$/, ""));

/** Environment variables of the GPU worker, with what each means. */
const Environment = z.object({
  HOST: z.string().default("127.0.0.1").describe("address to listen on"),
  PORT: count(8000).describe("port to listen on, 0 for any"),
  MODEL: z
    .string()
    .min(1)
    .describe("checkpoint: a folder, or a Hugging Face id owner/name, optionally @revision"),
  HF_ENDPOINT: httpAddress.default("https://huggingface.co").describe("address of the hub"),
  HF_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{1,1024}$/, "expected visible ASCII characters")
    .optional()
    .describe("access token of the hub, for models that are not public"),
  PRECISION: z
    .enum(PRECISIONS)
    .optional()
    .describe("precision of the weights; fp32 for small models and int4 for others unless set"),
  THREADS: count(availableParallelism(), 1).describe(
    "threads of the model and of picture decoding",
  ),
  CACHE_DIR: z
    .string()
    .min(1)
    .transform((path) => resolve(path))
    .describe("folder of fetched checkpoints and built graphs"),
  WORKER_SECRET: z
    .string()
    .min(32, "expected at least 32 characters")
    .describe("signs the edge's calls"),
  MEMORY: byteSize
    .default(totalmem() / 4)
    .describe("memory for KV cache and picture encoding beside the weights, e.g. 8GB"),
  MAX_STALL_MS: count(500, 1).describe(
    "milliseconds that a step may take while answers run: prompts are read in chunks as short",
  ),
  MEDIA_ORIGIN: httpAddress
    .optional()
    .describe("URL of the bucket that stored media are fetched from, S3_ENDPOINT/S3_BUCKET"),
  MEDIA_DISK: byteSize
    .default(16 * 2 ** 30)
    .describe("disk for clips above 32 MiB while requests need them, e.g. 16GB"),
  MAX_QUEUE: count(64).describe("requests that may wait beyond those that run"),
  MAX_JOBS: count(1000).describe("jobs that may wait beyond those that run"),
  MAX_RUNNING_JOBS: count(SLOTS / 2, 1).describe(
    "jobs that run at a time, beside the requests that somebody waits for",
  ),
  DRAIN_SECONDS: count(30).describe("seconds that running answers get after SIGTERM"),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpAddress
    .optional()
    .describe("address of the OpenTelemetry collector (OTLP over HTTP) that spans are sent to"),
  EGRESS_PROXY: z
    .url({ protocol: /^http$/, error: "expected the http address of a proxy" })
    .optional()
    .describe("HTTP proxy through which media are fetched where the edge has FETCH_IN=worker"),
  ALLOW_HTTP_LOOPBACK: z
    .enum(["true", "false"])
    .default("false")
    .describe("development: media may be fetched from this machine over http"),
  LOG: z.enum(LOG_LEVELS).default("info").describe("least level of log lines"),
});

export interface Config {
  host: string;
  port: number;
  /** A folder, or an id of the hub. */
  model: string;
  hub: HubSettings;
  /** Absent: what suits the size of the model. */
  precision: Precision | undefined;
  threads: number;
  cacheFolder: string;
  secret: string;
  /** Bounds the chunks in which prompts are read beside running answers. */
  maxStallMs: number;
  /** Where stored media may be fetched; absent: nowhere. */
  mediaOrigin: string | undefined;
  mediaDiskBytes: number;
  maxQueue: number;
  /** Beside those requests: jobs take none of their places. */
  jobs: { maxRunning: number; maxWaiting: number };
  drainSeconds: number;
  fetching: {
    /** May hold a user name and password. */
    egressProxy: URL | undefined;
    allowHttpLoopback: boolean;
  };
  /** Where spans go, as OTLP over HTTP; absent: nowhere. */
  tracesUrl: string | undefined;
  logLevel: (typeof LOG_LEVELS)[number];
  /** Sequences that run together. */
  slots: number;
  /** Bytes of KV cache and features beside the weights. */
  memoryBytes: number;
}

/** A value of the environment that cannot be used. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** @throws ConfigError that names the variable and what was expected */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const {
    HF_TOKEN,
    HF_ENDPOINT,
    OTEL_EXPORTER_OTLP_ENDPOINT,
    MEDIA_ORIGIN,
    EGRESS_PROXY,
    ...others
  } = environment;
  const parsed = Environment.safeParse({
    ...others,
    HF_TOKEN: HF_TOKEN || undefined, // the hub's own tools take an empty variable as none, too
    HF_ENDPOINT: HF_ENDPOINT || undefined,
    MEDIA_ORIGIN: MEDIA_ORIGIN || undefined,
    OTEL_EXPORTER_OTLP_ENDPOINT: OTEL_EXPORTER_OTLP_ENDPOINT || undefined,
    EGRESS_PROXY: EGRESS_PROXY || undefined,
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ConfigError(`${issue?.path.join(".")}: ${issue?.message}`);
  }
  const values = parsed.data;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: collector } = values;
  return {
    host: values.HOST,
    port: values.PORT,
    model: values.MODEL,
    hub: { endpoint: values.HF_ENDPOINT, token: values.HF_TOKEN },
    precision: values.PRECISION,
    threads: values.THREADS,
    cacheFolder: values.CACHE_DIR,
    secret: values.WORKER_SECRET,
    maxStallMs: values.MAX_STALL_MS,
    mediaOrigin: values.MEDIA_ORIGIN,
    mediaDiskBytes: values.MEDIA_DISK,
    maxQueue: values.MAX_QUEUE,
    jobs: { maxRunning: values.MAX_RUNNING_JOBS, maxWaiting: values.MAX_JOBS },
    drainSeconds: values.DRAIN_SECONDS,
    fetching: {
      egressProxy: values.EGRESS_PROXY === undefined ? undefined : new URL(values.EGRESS_PROXY),
      allowHttpLoopback: values.ALLOW_HTTP_LOOPBACK === "true",
    },
    tracesUrl: collector === undefined ? undefined : `${collector}/v1/traces`,
    logLevel: values.LOG,
    slots: SLOTS,
    memoryBytes: values.MEMORY,
  };
}

function isPlainAddress(address: string): boolean {
  const url = URL.parse(address);
  return url !== null && `${url.username}${url.password}${url.search}${url.hash}` === "";
}
