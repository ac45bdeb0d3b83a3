-- Bytes on their way into the bucket. Every object of the bucket has a row here or in files, so that
-- what was given up is found and removed.
CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  api_key_id TEXT NOT NULL,
  -- Sent by a client to presigned URLs, sent through the edge, or fetched by the edge for one request.
  kind TEXT NOT NULL CHECK (kind IN ('upload', 'file', 'media')),
  status TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'cancelled')),
  object_key TEXT NOT NULL UNIQUE,
  -- The id under which S3 knows a multipart upload.
  multipart_id TEXT,
  -- Bytes of each part but the last; null where one PUT carries everything.
  part_bytes INTEGER,
  filename TEXT NOT NULL,
  purpose TEXT NOT NULL,
  -- As the client declared it.
  type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  -- Lower-case hex, where the client declared it.
  sha256 TEXT,
  -- Lifetime of the file that it becomes.
  file_seconds INTEGER,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX uploads_by_tenant ON uploads (tenant, status);
CREATE INDEX uploads_by_expiry ON uploads (expires_at);

-- What clients have said of the parts they sent.
CREATE TABLE upload_parts (
  upload_id TEXT NOT NULL,
  part_number INTEGER NOT NULL,
  etag TEXT NOT NULL,
  sha256 TEXT,
  PRIMARY KEY (upload_id, part_number)
) STRICT;

-- Files that are whole. The id is that of the upload with another prefix.
CREATE TABLE files (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  api_key_id TEXT NOT NULL,
  object_key TEXT NOT NULL UNIQUE,
  filename TEXT NOT NULL,
  purpose TEXT NOT NULL,
  -- By its first bytes.
  type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT,
  etag TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) STRICT;

CREATE INDEX files_by_tenant ON files (tenant, created_at, id);
CREATE INDEX files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;
