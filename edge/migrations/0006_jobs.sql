-- Chat completions that nobody holds a connection for. Times are milliseconds since 1970.
CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  api_key_id TEXT NOT NULL,
  -- The batch that it is a line of.
  batch_id TEXT,
  -- The line's own name in that batch.
  custom_id TEXT,
  status TEXT NOT NULL CHECK (
    status IN ('queued', 'preparing', 'running', 'completed', 'failed', 'cancelled', 'expired')
  ),
  model TEXT NOT NULL,
  priority TEXT NOT NULL,
  video_strategy TEXT NOT NULL,
  metadata TEXT NOT NULL,
  -- The one endpoint that is told; null for all whose filters match.
  webhook_endpoint_id TEXT,
  -- JSON of the request in the bucket, without its inline media.
  request_key TEXT NOT NULL,
  -- JSON of the chat completion in the bucket.
  result_key TEXT,
  error TEXT,
  usage TEXT,
  progress TEXT NOT NULL,
  -- Where GPU workers report to.
  origin TEXT NOT NULL,
  -- What of it a GPU worker has now, and which one.
  run_id TEXT,
  worker_url TEXT,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  -- When it is given up.
  cancel_at INTEGER,
  -- When somebody last saw to it; the sweep nudges what nobody sees to.
  touched_at INTEGER NOT NULL,
  -- When it is removed, with its result.
  purge_at INTEGER
) STRICT;

CREATE INDEX jobs_by_tenant ON jobs (tenant, created_at, id);
CREATE INDEX jobs_by_batch ON jobs (batch_id, status) WHERE batch_id IS NOT NULL;
CREATE INDEX jobs_active ON jobs (touched_at) WHERE ended_at IS NULL;
CREATE INDEX jobs_by_purge ON jobs (purge_at) WHERE purge_at IS NOT NULL;

CREATE TABLE webhook_endpoints (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  api_key_id TEXT NOT NULL,
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  -- JSON list of event types.
  events TEXT NOT NULL,
  -- Whether a job's whole result is sent, or its id.
  payload TEXT NOT NULL CHECK (payload IN ('thin', 'full')),
  secret TEXT NOT NULL,
  -- The secret before the last rotation, and until when both sign.
  previous_secret TEXT,
  previous_expires_at INTEGER,
  status TEXT NOT NULL CHECK (status IN ('enabled', 'disabled')),
  -- Why it was disabled, where that was not its owner.
  disabled_reason TEXT,
  -- When the deliveries began to fail of which none has succeeded since.
  failing_since INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX webhook_endpoints_by_tenant ON webhook_endpoints (tenant, created_at, id);

-- One event for one endpoint. Rows are made in the transaction in which what they tell becomes true.
CREATE TABLE webhook_deliveries (
  -- Constant over all attempts: the header webhook-id.
  id TEXT PRIMARY KEY,
  endpoint_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  type TEXT NOT NULL,
  -- Null for a test.
  job_id TEXT,
  -- JSON of the event's data, without a job's result.
  data TEXT NOT NULL,
  -- The endpoint's at that time: every attempt sends the same bytes.
  payload TEXT NOT NULL CHECK (payload IN ('thin', 'full')),
  status TEXT NOT NULL CHECK (status IN ('pending', 'delivered', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0,
  -- When it is tried next; null when never.
  next_at INTEGER,
  created_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;

CREATE INDEX webhook_deliveries_by_tenant ON webhook_deliveries (tenant, created_at, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at);
CREATE INDEX webhook_deliveries_by_job ON webhook_deliveries (job_id);

CREATE TABLE webhook_attempts (
  delivery_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  -- Null where no answer came.
  status_code INTEGER,
  -- In words, where it failed.
  error TEXT,
  PRIMARY KEY (delivery_id, number)
) STRICT;
