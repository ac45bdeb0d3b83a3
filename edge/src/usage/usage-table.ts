import type { UsageRecord } from "./usage-records.ts";

/** The statement that stores a record; the same record a second time changes nothing. */
export function insertOf(db: D1Database, record: UsageRecord): D1PreparedStatement {
  const columns = columnsOf(record);
  const names = Object.keys(columns);
  const marks = names.map(() => "?");
  return db
    .prepare(
      `INSERT INTO usage_records (${names.join(", ")}) VALUES (${marks.join(", ")}) ON CONFLICT (id) DO NOTHING`,
    )
    .bind(...Object.values(columns));
}

function columnsOf(record: UsageRecord): Record<string, string | number> {
  const { counts, media } = record;
  return {
    id: record.id,
    request_id: record.requestId,
    api_key_id: record.apiKeyId,
    tenant: record.tenant,
    model: record.model,
    prompt_tokens: counts.prompt,
    cached_tokens: counts.cached,
    image_tokens: counts.image,
    video_tokens: counts.video,
    completion_tokens: counts.completion,
    reasoning_tokens: counts.reasoning,
    pixels: media.pixels,
    video_ms: media.video_ms,
    frames: media.frames,
    cost_micros: record.costMicros,
    outcome: record.outcome,
    started_at: record.startedAt,
    duration_ms: record.durationMs,
  };
}
