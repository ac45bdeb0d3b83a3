-- Those of completion_tokens that a thinking model thought before it answered.
ALTER TABLE usage_records ADD COLUMN reasoning_tokens INTEGER NOT NULL DEFAULT 0;
