import type { BackendPool } from "./backends/backend-pool.ts";
import type { IdempotentAnswer } from "./idempotency/idempotent-answer.ts";
import type { ApiKey } from "./keys/api-key.ts";
import type { KeyLimiter } from "./limits/key-limiter.ts";
import type { RequestNotes } from "./observability/request-notes.ts";
import type { TraceContext } from "./observability/trace-context.ts";
import type { StorageEnv } from "./storage/storage-settings.ts";
import type { RequestBooks } from "./usage/request-books.ts";
import type { UsageRecord } from "./usage/usage-records.ts";
import type { SealingEnv } from "./webhooks/secret-sealer.ts";
import type { WebhookSender } from "./webhooks/webhook-sender.ts";

/** Bindings of `wrangler.toml`, its secrets, and what only the local starter sets. */
export interface Env extends StorageEnv, SealingEnv {
  DB: D1Database;
  /** One object for each API key, named by its id. */
  KEY_LIMITER: DurableObjectNamespace<KeyLimiter>;
  /** One object for each idempotency key of a tenant. */
  IDEMPOTENT_ANSWER: DurableObjectNamespace<IdempotentAnswer>;
  /** One object for each webhook endpoint, named by its id. */
  WEBHOOK_SENDER: DurableObjectNamespace<WebhookSender>;
  /** Usage records on their way into the database. */
  USAGE_QUEUE: Queue<UsageRecord>;
  /** JSON: money for a million tokens by model, `{"MODEL":{"prompt":0.2,"cached":0.05,"completion":0.6}}`. */
  PRICES?: string;
  /** After how many seconds a request that nobody has settled is looked into; 60 unless set. */
  SETTLE_AFTER_SECONDS?: string;
  /** Seals the secrets of webhook endpoints, which are not there without it; at least 32 characters. */
  WEBHOOK_SEALING_KEY?: string;
  /** Seconds in which a receiver of webhooks must have answered; 15 unless set. */
  WEBHOOK_TIMEOUT_SECONDS?: string;
  /** Address of the GPU worker, or of several with white space or commas between them. */
  GPU_WORKER_URL: string;
  /** Shared with the GPU worker; signs each call to it. */
  GPU_WORKER_SECRET?: string;
  /** Opens `/admin`, which is not there without it; at least 32 characters. */
  ADMIN_TOKEN?: string;
  /** Seconds that a request waits for a GPU worker that is down, starting or full; 0 unless set. */
  BACKEND_WAIT_SECONDS?: string;
  /** Hosts whose media are fetched, `example.com` or `*.example.com`, with white space or commas between; all unless set. */
  MEDIA_ALLOW_HOSTS?: string;
  /** Hosts whose media are never fetched. */
  MEDIA_DENY_HOSTS?: string;
  /** Who fetches media: `edge`, unless set, or `worker`, which dials the very address it has checked. */
  FETCH_IN?: string;
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
    /** Of a completion. */
    books?: RequestBooks;
    /** Our own span of the request. */
    trace: TraceContext;
    /** What is told of the request when it has ended; routes write into it. */
    notes: RequestNotes;
    /** The GPU workers of this deployment. @throws Error when they cannot be called */
    backends: () => BackendPool;
  };
}
