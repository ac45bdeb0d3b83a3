import { DurableObject } from "cloudflare:workers";

import type { Env } from "../env.ts";
import { concatBytes } from "../http/concat-bytes.ts";

/** An answer as it is kept. */
export interface KeptAnswer {
  status: number;
  contentType: string;
  body: Uint8Array<ArrayBuffer>;
}

/** What a request with an idempotency key finds. */
export type Beginning =
  /** It is the first; `attempt` proves that later. */
  | { kind: "begun"; attempt: number }
  | { kind: "in_flight" }
  /** The key was used for another request. */
  | { kind: "mismatch" }
  /** The first answer was given, but too large to be kept. */
  | { kind: "not_kept" }
  | { kind: "answered"; answer: KeptAnswer };

/** Larger answers are not kept: a hundred thousand tokens with their log-probabilities fit. */
export const MAX_KEPT_BYTES = 8 * 2 ** 20;

/** An edge that does not say for so long that it still answers has died. */
const LEASE_MS = 45_000;
export const RENEW_EVERY_MS = 15_000;

const KEPT_MS = 86_400_000;

/** Rows of a Durable Object have 2 MB at most. */
const ROW_BYTES = 2 ** 20;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS request (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    fingerprint TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    -- in_flight, answered or not_kept
    state TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    status INTEGER NOT NULL,
    content_type TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS body (place INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
`;

interface RequestRow extends Record<string, SqlStorageValue> {
  fingerprint: string;
  attempt: number;
  state: string;
  lease_until: number;
  status: number;
  content_type: string;
}

/** One idempotency key of a tenant and the first answer that was given under it, for 24 hours. */
export class IdempotentAnswer extends DurableObject<Env> {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(SCHEMA);
  }

  /** @param fingerprint of everything in which a repeat must be the same */
  async begin(fingerprint: string): Promise<Beginning> {
    const row = this.#row();
    if (row !== undefined && row.fingerprint !== fingerprint) {
      return { kind: "mismatch" };
    }
    const now = Date.now();
    if (row?.state === "answered") {
      return { kind: "answered", answer: this.#answer(row) };
    }
    if (row?.state === "not_kept") {
      return { kind: "not_kept" };
    }
    if (row !== undefined && now < row.lease_until) {
      return { kind: "in_flight" };
    }
    const attempt = (row?.attempt ?? 0) + 1;
    this.#sql.exec(
      "INSERT OR REPLACE INTO request VALUES (1, ?, ?, 'in_flight', ?, 0, '')",
      fingerprint,
      attempt,
      now + LEASE_MS,
    );
    await this.ctx.storage.setAlarm(now + KEPT_MS);
    return { kind: "begun", attempt };
  }

  /** The attempt is still being answered. */
  renew(attempt: number): void {
    this.#sql.exec(
      "UPDATE request SET lease_until = ? WHERE attempt = ? AND state = 'in_flight'",
      Date.now() + LEASE_MS,
      attempt,
    );
  }

  /** Keeps the answer of an attempt; one that was overtaken is too late. */
  keep(attempt: number, { status, contentType, body }: KeptAnswer): void {
    if (!this.#end(attempt, "answered", status, contentType)) {
      return;
    }
    for (let start = 0; start < body.byteLength; start += ROW_BYTES) {
      const bytes = body.slice(start, start + ROW_BYTES);
      this.#sql.exec("INSERT INTO body VALUES (?, ?)", start / ROW_BYTES, bytes.buffer);
    }
  }

  /** The attempt was answered, but not so that it could be kept. */
  keepNothing(attempt: number): void {
    this.#end(attempt, "not_kept", 0, "");
  }

  /** The attempt has failed: the next one begins anew. */
  async abandon(attempt: number): Promise<void> {
    const row = this.#row();
    if (row?.attempt === attempt && row.state === "in_flight") {
      await this.alarm();
    }
  }

  override async alarm(): Promise<void> {
    this.#sql.exec("DELETE FROM request");
    this.#sql.exec("DELETE FROM body");
    await this.ctx.storage.deleteAlarm();
  }

  #row(): RequestRow | undefined {
    return this.#sql.exec<RequestRow>("SELECT * FROM request").toArray()[0];
  }

  #end(attempt: number, state: string, status: number, contentType: string): boolean {
    const { rowsWritten } = this.#sql.exec(
      "UPDATE request SET state = ?, status = ?, content_type = ? WHERE attempt = ? AND state = 'in_flight'",
      state,
      status,
      contentType,
      attempt,
    );
    return rowsWritten > 0;
  }

  #answer({ status, content_type: contentType }: RequestRow): KeptAnswer {
    const rows = this.#sql
      .exec<{ bytes: ArrayBuffer }>("SELECT bytes FROM body ORDER BY place")
      .toArray();
    const chunks = rows.map(({ bytes }) => new Uint8Array(bytes));
    const length = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return { status, contentType, body: concatBytes(chunks, length) };
  }
}
