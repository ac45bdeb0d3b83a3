import type { ApiKey } from "./keys/api-key.ts";
import type { StorageEnv } from "./storage/storage-settings.ts";

/** Bindings of `wrangler.toml`, its secrets, and what only the local starter sets. */
export interface Env extends StorageEnv {
  DB: D1Database;
  /** Origin of the GPU worker. */
  GPU_WORKER_URL: string;
  /** Shared with the GPU worker; signs each call to it. */
  GPU_WORKER_SECRET?: string;
  /** Least severe level that is logged: `debug`, `info`, `warn`, `error` or `silent`. */
  LOG?: string;
  /** Development only: "true" lets pictures come from `http:` URLs of this machine. */
  ALLOW_HTTP_LOOPBACK?: string;
  /** Development only: "true" where no proxy stands in front that reads a refused request to its end. */
  DRAIN_REFUSED_REQUESTS?: string;
  /** Development only: a key that is put into the database when it is first used. */
  DEV_API_KEY?: string;
}

/** What a request carries through the middleware. */
export interface AppEnv {
  Bindings: Env;
  Variables: {
    /** Value of the answer's `X-Request-Id`; a client may choose it, so it is not unique. */
    requestId: string;
    apiKey: ApiKey;
  };
}
