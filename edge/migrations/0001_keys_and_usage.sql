-- Times are milliseconds since 1970.
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  -- SHA-256 of the key in lower-case hex; the key itself is never stored.
  hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) STRICT;

-- One row per request that reached a GPU worker.
CREATE TABLE usage_records (
  -- The id under which the GPU worker knows the request.
  id TEXT PRIMARY KEY,
  -- The answer's X-Request-Id, which a client may choose and repeat.
  request_id TEXT NOT NULL,
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  model TEXT NOT NULL,
  -- Includes the tokens of pictures and videos.
  prompt_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  image_tokens INTEGER NOT NULL,
  video_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('completed', 'cut_off', 'failed')),
  started_at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX usage_records_by_key ON usage_records (api_key_id, started_at);
