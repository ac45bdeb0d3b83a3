-- The key's own characters by which people recognise it, such as sk-ab…yz.
ALTER TABLE api_keys ADD COLUMN prefix TEXT NOT NULL DEFAULT '';
-- Whose key it is. Keys of one owner share files, caches and usage.
ALTER TABLE api_keys ADD COLUMN owner TEXT;
-- JSON, as edge/src/keys/key-settings.ts describes each.
ALTER TABLE api_keys ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';
ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT '{}';
ALTER TABLE api_keys ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
ALTER TABLE api_keys ADD COLUMN media_hosts TEXT NOT NULL DEFAULT '{}';
-- The key before the last rotation, and until when it is taken.
ALTER TABLE api_keys ADD COLUMN previous_hash TEXT;
ALTER TABLE api_keys ADD COLUMN previous_expires_at INTEGER;

CREATE UNIQUE INDEX api_keys_by_previous_hash ON api_keys (previous_hash);
CREATE INDEX api_keys_by_creation ON api_keys (created_at, id);
CREATE INDEX api_keys_by_owner ON api_keys (owner, created_at, id);
