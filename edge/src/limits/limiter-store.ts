import * as z from "zod";

import { KeyLimits } from "../keys/key-settings.ts";
import { RequestDraft, UsageRecord } from "../usage/usage-records.ts";
import { Counters, emptyCounters } from "./counters.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS counters (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS reservations (
    id TEXT PRIMARY KEY, json TEXT NOT NULL, check_at INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS reservations_due ON reservations (check_at);
  CREATE TABLE IF NOT EXISTS outbox (
    id TEXT PRIMARY KEY, json TEXT NOT NULL, send_at INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS outbox_due ON outbox (send_at);
`;

const AmountsJson = z.object({
  requests: z.number(),
  tokens: z.number(),
  pixels: z.number(),
  videoMs: z.number(),
  frames: z.number(),
  costMicros: z.number(),
});

/** A request that is being answered, and what was set aside for it. */
const Reservation = z.object({
  draft: RequestDraft,
  reserved: AmountsJson,
  /** When it was made, in milliseconds since 1970. */
  at: z.int(),
  /** The key's limits of that time, as the buckets need them when it is settled. */
  limits: KeyLimits,
});
export type Reservation = z.infer<typeof Reservation>;

/** What a key's limiter keeps, in the SQLite of its Durable Object. */
export class LimiterStore {
  readonly #sql: SqlStorage;
  /** As in the database; the object is alone with it. */
  #counters: Counters | undefined;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  counters(now: number): Counters {
    if (this.#counters === undefined) {
      const json = this.#text("SELECT json AS value FROM counters");
      this.#counters = json === undefined ? emptyCounters(now) : Counters.parse(JSON.parse(json));
    }
    return this.#counters;
  }

  setCounters(counters: Counters): void {
    this.#sql.exec("INSERT OR REPLACE INTO counters VALUES (1, ?)", JSON.stringify(counters));
    this.#counters = counters;
  }

  /** Requests that are being answered. */
  runningCount(): number {
    return this.#number("SELECT COUNT(*) AS value FROM reservations");
  }

  addReservation(reservation: Reservation, checkAt: number): void {
    const { id } = reservation.draft;
    const json = JSON.stringify(reservation);
    this.#sql.exec("INSERT INTO reservations VALUES (?, ?, ?)", id, json, checkAt);
  }

  /** Takes it away; undefined where there is none, or no longer. */
  takeReservation(id: string): Reservation | undefined {
    const json = this.#text("DELETE FROM reservations WHERE id = ? RETURNING json AS value", id);
    return json === undefined ? undefined : Reservation.parse(JSON.parse(json));
  }

  /** Reservations that nobody has settled in time, oldest first. */
  dueReservations(now: number, limit: number): Reservation[] {
    return this.#texts(
      "SELECT json AS value FROM reservations WHERE check_at <= ? ORDER BY check_at LIMIT ?",
      now,
      limit,
    ).map((json) => Reservation.parse(JSON.parse(json)));
  }

  checkLater(id: string, checkAt: number): void {
    this.#sql.exec("UPDATE reservations SET check_at = ? WHERE id = ?", checkAt, id);
  }

  /** Keeps a record until it is known to be stored; it is to be sent again if that takes longer. */
  addRecord(record: UsageRecord, sendAgainAt: number): void {
    const json = JSON.stringify(record);
    this.#sql.exec("INSERT OR IGNORE INTO outbox VALUES (?, ?, ?)", record.id, json, sendAgainAt);
  }

  /** Records that nobody has confirmed in time, oldest first. */
  dueRecords(now: number, limit: number): UsageRecord[] {
    return this.#texts(
      "SELECT json AS value FROM outbox WHERE send_at <= ? ORDER BY send_at LIMIT ?",
      now,
      limit,
    ).map((json) => UsageRecord.parse(JSON.parse(json)));
  }

  sendLater(ids: readonly string[], sendAt: number): void {
    for (const id of ids) {
      this.#sql.exec("UPDATE outbox SET send_at = ? WHERE id = ?", sendAt, id);
    }
  }

  removeRecords(ids: readonly string[]): void {
    for (const id of ids) {
      this.#sql.exec("DELETE FROM outbox WHERE id = ?", id);
    }
  }

  /** When something falls due next; undefined when nothing will. */
  nextDue(): number | undefined {
    const due = this.#numberOrNull(
      "SELECT MIN(at) AS value FROM (SELECT MIN(check_at) AS at FROM reservations UNION ALL SELECT MIN(send_at) FROM outbox)",
    );
    return due ?? undefined;
  }

  #text(query: string, ...values: (string | number)[]): string | undefined {
    return this.#texts(query, ...values)[0];
  }

  #texts(query: string, ...values: (string | number)[]): string[] {
    return this.#sql
      .exec<{ value: string }>(query, ...values)
      .toArray()
      .map(({ value }) => value);
  }

  #number(query: string): number {
    return this.#sql.exec<{ value: number }>(query).one().value;
  }

  #numberOrNull(query: string): number | null {
    return this.#sql.exec<{ value: number | null }>(query).one().value;
  }
}
