-- Every completion request now has a record, also refused ones, and records outlive their keys.
CREATE TABLE usage_records_new (
  -- The id under which the GPU worker knows the request.
  id TEXT PRIMARY KEY,
  -- The answer's X-Request-Id, which a client may choose and repeat.
  request_id TEXT NOT NULL,
  api_key_id TEXT NOT NULL,
  -- Whose usage it is.
  tenant TEXT NOT NULL,
  -- Empty where the request was refused before it was known.
  model TEXT NOT NULL,
  -- Includes the tokens of pictures and videos.
  prompt_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  image_tokens INTEGER NOT NULL,
  video_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  -- Those of completion_tokens that a thinking model thought before it answered.
  reasoning_tokens INTEGER NOT NULL,
  -- Of pictures, before they are resized.
  pixels INTEGER NOT NULL,
  -- Length of clips in milliseconds.
  video_ms INTEGER NOT NULL,
  -- Of clips, as they are sampled.
  frames INTEGER NOT NULL,
  -- Millionths of the currency of the deployment's prices.
  cost_micros INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('completed', 'cut_off', 'failed', 'refused')),
  -- Milliseconds since 1970.
  started_at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL
) STRICT;

INSERT INTO usage_records_new
SELECT r.id, r.request_id, r.api_key_id, COALESCE(k.owner, r.api_key_id), r.model,
  r.prompt_tokens, r.cached_tokens, r.image_tokens, r.video_tokens,
  r.completion_tokens, r.reasoning_tokens, 0, 0, 0, 0, r.outcome, r.started_at, r.duration_ms
FROM usage_records r LEFT JOIN api_keys k ON k.id = r.api_key_id;

DROP TABLE usage_records;
ALTER TABLE usage_records_new RENAME TO usage_records;

CREATE INDEX usage_records_by_tenant ON usage_records (tenant, started_at);
