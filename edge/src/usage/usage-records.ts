import type { PromptCounts } from "@qwen3-vl/shared/worker-protocol";

/** `cut_off`: the client left; `failed`: the GPU worker refused the request or broke off. */
export type Outcome = "completed" | "cut_off" | "failed";

/** Tokens of one request; `prompt` includes those of pictures and videos, `completion` those of thoughts. */
export type UsageCounts = PromptCounts & { completion: number; reasoning: number };

/** What one request that reached a GPU worker is billed by. */
export interface UsageRecord {
  /** Unique, under which the GPU worker knows the request. */
  id: string;
  /** The answer's `X-Request-Id`. */
  requestId: string;
  apiKeyId: string;
  model: string;
  counts: UsageCounts;
  outcome: Outcome;
  /** Milliseconds since 1970. */
  startedAt: number;
  durationMs: number;
}

/** Stores a record; the same record a second time changes nothing. */
export async function insertUsageRecord(db: D1Database, record: UsageRecord): Promise<void> {
  const { counts } = record;
  const columns = {
    id: record.id,
    request_id: record.requestId,
    api_key_id: record.apiKeyId,
    model: record.model,
    prompt_tokens: counts.prompt,
    cached_tokens: counts.cached,
    image_tokens: counts.image,
    video_tokens: counts.video,
    completion_tokens: counts.completion,
    reasoning_tokens: counts.reasoning,
    outcome: record.outcome,
    started_at: record.startedAt,
    duration_ms: record.durationMs,
  };
  const names = Object.keys(columns);
  const marks = names.map(() => "?");
  await db
    .prepare(
      `INSERT INTO usage_records (${names.join(", ")}) VALUES (${marks.join(", ")}) ON CONFLICT (id) DO NOTHING`,
    )
    .bind(...Object.values(columns))
    .run();
}
