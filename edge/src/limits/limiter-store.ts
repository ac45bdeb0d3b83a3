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

/** A statement and its values. */
type Write = readonly [query: string, ...values: (string | number)[]];

/**
 * What a key's limiter keeps, in the SQLite of its Durable Object. Changes are in memory at once and
 * written down together by `write`: a commit takes the disk as long for fifty requests as for one.
 */
export class LimiterStore {
  readonly #sql: SqlStorage;
  readonly #reservations: Map<string, Reservation>;
  #counters: Counters | undefined;
  #unwritten: Write[] = [];
  #areCountersWritten = true;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
    const reservations = this.#texts("SELECT json AS value FROM reservations").map(
      parseReservation,
    );
    this.#reservations = new Map(reservations.map((each) => [each.draft.id, each]));
  }

  counters(now: number): Counters {
    if (this.#counters === undefined) {
      const [json] = this.#texts("SELECT json AS value FROM counters");
      this.#counters = json === undefined ? emptyCounters(now) : Counters.parse(JSON.parse(json));
    }
    return this.#counters;
  }

  setCounters(counters: Counters): void {
    this.#counters = counters;
    this.#areCountersWritten = false;
  }

  /** Requests that are being answered. */
  get runningCount(): number {
    return this.#reservations.size;
  }

  addReservation(reservation: Reservation, checkAt: number): void {
    const { id } = reservation.draft;
    this.#reservations.set(id, reservation);
    const json = JSON.stringify(reservation);
    this.#unwritten.push(["INSERT INTO reservations VALUES (?, ?, ?)", id, json, checkAt]);
  }

  /** Takes it away; undefined where there is none, or no longer. */
  takeReservation(id: string): Reservation | undefined {
    const reservation = this.#reservations.get(id);
    if (this.#reservations.delete(id)) {
      this.#unwritten.push(["DELETE FROM reservations WHERE id = ?", id]);
    }
    return reservation;
  }

  checkLater(id: string, checkAt: number): void {
    this.#unwritten.push(["UPDATE reservations SET check_at = ? WHERE id = ?", checkAt, id]);
  }

  /** Keeps a record until it is known to be stored; it is to be sent again if that takes longer. */
  addRecord(record: UsageRecord, sendAgainAt: number): void {
    const values = [record.id, JSON.stringify(record), sendAgainAt] as const;
    this.#unwritten.push(["INSERT OR IGNORE INTO outbox VALUES (?, ?, ?)", ...values]);
  }

  sendLater(ids: readonly string[], sendAt: number): void {
    for (const id of ids) {
      this.#unwritten.push(["UPDATE outbox SET send_at = ? WHERE id = ?", sendAt, id]);
    }
  }

  removeRecords(ids: readonly string[]): void {
    for (const id of ids) {
      this.#unwritten.push(["DELETE FROM outbox WHERE id = ?", id]);
    }
  }

  /** Writes down all that has changed, as one transaction: nothing is waited for in between. */
  write(): void {
    const writes = this.#unwritten.splice(0);
    if (!this.#areCountersWritten) {
      writes.push([
        "INSERT OR REPLACE INTO counters VALUES (1, ?)",
        JSON.stringify(this.#counters),
      ]);
      this.#areCountersWritten = true;
    }
    for (const [query, ...values] of writes) {
      this.#sql.exec(query, ...values);
    }
  }

  /** Of what is written down, the reservations that nobody has settled in time, oldest first. */
  dueReservations(now: number, limit: number): Reservation[] {
    return this.#texts(
      "SELECT json AS value FROM reservations WHERE check_at <= ? ORDER BY check_at LIMIT ?",
      now,
      limit,
    ).map(parseReservation);
  }

  /** Of what is written down, the records that nobody has confirmed in time, oldest first. */
  dueRecords(now: number, limit: number): UsageRecord[] {
    return this.#texts(
      "SELECT json AS value FROM outbox WHERE send_at <= ? ORDER BY send_at LIMIT ?",
      now,
      limit,
    ).map((json) => UsageRecord.parse(JSON.parse(json)));
  }

  /** When something that is written down falls due next; undefined when nothing will. */
  nextDue(): number | undefined {
    const { value } = this.#sql
      .exec<{ value: number | null }>(
        "SELECT MIN(at) AS value FROM (SELECT MIN(check_at) AS at FROM reservations UNION ALL SELECT MIN(send_at) FROM outbox)",
      )
      .one();
    return value ?? undefined;
  }

  #texts(query: string, ...values: (string | number)[]): string[] {
    return this.#sql
      .exec<{ value: string }>(query, ...values)
      .toArray()
      .map(({ value }) => value);
  }
}

function parseReservation(json: string): Reservation {
  return Reservation.parse(JSON.parse(json));
}
