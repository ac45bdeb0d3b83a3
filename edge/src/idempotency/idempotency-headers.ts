/** Of a request that may be repeated. */
export const IDEMPOTENCY_KEY_HEADER = "Idempotency-Key";

/** On an answer that was given before. */
export const REPLAYED_HEADER = "Idempotent-Replayed";
