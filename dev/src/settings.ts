import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import * as z from "zod";

export const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const DEFAULT_MODEL = resolve(REPOSITORY, "models/qwen3-vl-shapes");

const path = z
  .string()
  .min(1)
  .transform((value) => resolve(value));

/**
 * What `npm start` reads from the environment; descriptions are what `--help` prints. The GPU worker
 * reads `MODEL` and what begins with `HF_` or `OTEL_` itself.
 */
const Environment = z.object({
  PORT: wholeNumber(0, 65_535)
    .default(8787)
    .describe("port of the API on 127.0.0.1; 0 takes any free one"),
  MODEL: z
    .string()
    .default(DEFAULT_MODEL)
    .describe("Qwen3-VL checkpoint: a folder, or a Hugging Face id, optionally @revision"),
  HF_ENDPOINT: z
    .string()
    .default("https://huggingface.co")
    .describe("address of the hub that ids are fetched from"),
  HF_TOKEN: z
    .string()
    .optional()
    .describe(
      "access token of the hub, for models that are gated or private; sent to the hub alone",
    ),
  PRECISION: z
    .enum(["fp32", "int8", "int4"])
    .optional()
    .describe(
      "precision of the weights: fp32, int8 or int4; unless set fp32 below 200 million parameters and int4 above",
    ),
  THREADS: wholeNumber(1, 1024)
    .default(availableParallelism())
    .describe("threads of the model and of picture decoding"),
  MEMORY: z
    .string()
    .regex(/^\d{1,12}(KB|MB|GB)?$/, "expected a number of bytes, or one with KB, MB or GB")
    .optional()
    .describe(
      "memory for KV cache and picture encoding beside the weights, e.g. 8GB; a quarter of the machine's unless set",
    ),
  MAX_STALL_MS: wholeNumber(1, 60_000)
    .default(500)
    .describe("milliseconds that reading a prompt may hold up running answers at a time"),
  STATE_DIR: path
    .default(resolve(REPOSITORY, ".state"))
    .describe("folder of fetched checkpoints, built graphs and the local database"),
  DEV_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{8,128}$/, "expected 8 to 128 visible ASCII characters")
    .optional()
    .describe("API key that the local API accepts; made up at the first start unless set"),
  ADMIN_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{32,256}$/, "expected 32 to 256 visible ASCII characters")
    .optional()
    .describe("token that opens /admin of the local API; made up at the first start unless set"),
  WEBHOOK_SEALING_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{32,256}$/, "expected 32 to 256 visible ASCII characters")
    .optional()
    .describe("seals the secrets of webhook endpoints; made up at the first start unless set"),
  MEDIA_ALLOW_HOSTS: z
    .string()
    .optional()
    .describe("hosts whose media are fetched, example.com or *.example.com; all unless set"),
  MEDIA_DENY_HOSTS: z.string().optional().describe("hosts whose media are never fetched"),
  FETCH_IN: z
    .enum(["edge", "worker"])
    .default("edge")
    .describe("who fetches media; the worker dials the very address it has checked"),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .string()
    .optional()
    .describe("address of an OpenTelemetry collector that a span of each completion is sent to"),
  LOG: z
    .enum(["debug", "info", "warn", "error", "silent"])
    .default("warn")
    .describe("least level of log lines: debug, info, warn, error or silent"),
});

export type Settings = z.infer<typeof Environment>;

/** A value of the environment that cannot be used, or a part that cannot start. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** An empty variable counts as absent. @throws StartError that names the variable */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const given = Object.entries(environment).filter(([, value]) => value !== "");
  const parsed = Environment.safeParse(Object.fromEntries(given));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0]);
    throw new StartError(`${name}=${environment[name]}: ${issue?.message}`);
  }
  return parsed.data;
}

/** One line for each variable: name, default, meaning. */
export function describeSettings(): string {
  return Object.entries(Environment.shape)
    .map(([name, field]) => `  ${name.padEnd(27)} ${field.description ?? ""}${defaultOf(field)}`)
    .join("\n");
}

function wholeNumber(minimum: number, maximum: number) {
  const expected = `expected a whole number from ${minimum} to ${maximum}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, expected)
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, expected);
}

function defaultOf(field: z.ZodType): string {
  const parsed = z.union([z.string(), z.number()]).safeParse(field.safeParse(undefined).data);
  return parsed.success ? ` (${parsed.data})` : "";
}
