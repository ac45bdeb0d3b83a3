import { DurableObject } from "cloudflare:workers";

import { gpuWorkersOf } from "../backends/backend-settings.ts";
import type { Env } from "../env.ts";
import type { KeyLimits } from "../keys/key-settings.ts";
import { createLogger } from "../observability/logger.ts";
import { NEVER_BEGUN, findEnding } from "../usage/find-ending.ts";
import type { FoundEnding } from "../usage/find-ending.ts";
import { parsePrices } from "../usage/prices.ts";
import type { Prices } from "../usage/prices.ts";
import type { Outcome, RequestDraft, RequestEnding, UsageRecord } from "../usage/usage-records.ts";
import { difference } from "./amounts.ts";
import type { EstimatedAmounts } from "./amounts.ts";
import { count, monthOf } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { refusalOf, standings, toReserve } from "./decide.ts";
import type { KeyState, Refusal, Standing } from "./decide.ts";
import { GroupCommit } from "./group-commit.ts";
import { LimiterStore } from "./limiter-store.ts";
import type { Reservation } from "./limiter-store.ts";
import { estimatedAmounts, requestAmounts } from "./request-amounts.ts";

/** An answer to `reserve`: a reservation or a refusal. */
export interface ReserveAnswer {
  reservation?: Reservation;
  /** Why the request is not let in; its record is made. */
  refusal?: Refusal;
  /** How the key stands afterwards. */
  standings: Standing[];
}

/** Time after which somebody asks what has become of a reservation or record, unless set otherwise. */
const SETTLE_AFTER_SECONDS = 60;

/** After so many of these times, a request that no worker knows will not begin any more. */
const CHECKS_OF_UNKNOWN = 10;

/** An edge that has something set aside has it written down at once, or has died. */
const UNHELD_MS = 10_000;

/** An alarm that is overdue by so much will not come any more. */
const LOST_ALARM_MS = 10_000;

/** What no client waits for is written down so much later, with all that comes meanwhile. */
const WRITE_BEHIND_MS = 50;

/** Questions to the GPU workers, and records for the queue, at a time; the platform takes 6 and 100. */
const MAX_CHECKS = 5;
const MAX_RECORDS = 100;

/**
 * The limits of one API key, and its books: one object for each key, which decides alone and in turn,
 * so that limits are exact. A request is reserved before it runs and settled after; what nobody
 * settles, because the edge has died, is settled by the alarm with what the GPU worker tells. Records
 * are kept here until the database is known to have them.
 */
export class KeyLimiter extends DurableObject<Env> {
  readonly #store: LimiterStore;
  readonly #prices: Prices;
  readonly #settleAfterMs: number;
  readonly #commit = new GroupCommit(() => this.#write());
  /** What is set aside and not to be written down yet: a few milliseconds of each request. */
  readonly #unheld = new Map<string, Reservation>();
  /** The store's counters and all that is unheld; undefined while nothing is. */
  #counters: Counters | undefined;
  /** Null where there is none; undefined until that is asked. */
  #alarmAt: number | null | undefined;
  /** Records on their way to the queue; they are in the store as well. */
  #unsent: UsageRecord[] = [];
  #isSending = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new LimiterStore(ctx.storage.sql);
    this.#prices = parsePrices(env.PRICES);
    this.#settleAfterMs = Number(env.SETTLE_AFTER_SECONDS ?? SETTLE_AFTER_SECONDS) * 1000;
  }

  /**
   * Sets aside what a request will use at most, or makes its record when it is not let in. Writes
   * nothing that the answer would wait for, which took 4 to 17 ms: the caller has it `hold` meanwhile.
   */
  async reserve(
    draft: RequestDraft,
    estimate: EstimatedAmounts,
    limits: KeyLimits,
  ): Promise<ReserveAnswer> {
    const state = this.#state();
    const wanted = estimatedAmounts(this.#prices, draft.model, estimate);
    const reserved = toReserve(limits, state, wanted, estimate.isOpenEnded);
    const refusal = refusalOf(limits, state, reserved);
    if (refusal !== undefined) {
      this.#record(draft, { ...NEVER_BEGUN, outcome: "refused" }, 0);
      await this.#commit.within(0);
      return { refusal, standings: standings(limits, state) };
    }
    const { now } = state;
    const reservation = { draft, reserved, at: now, limits };
    this.#unheld.set(draft.id, reservation);
    this.#counters = count(state.counters, reserved, limits, { now, month: monthOf(now) });
    return { reservation, standings: standings(limits, this.#state()) };
  }

  /** Writes a reservation down: from then on it is settled, whatever happens to its edge. */
  async hold(reservation: Reservation): Promise<void> {
    const { draft, reserved, at, limits } = reservation;
    const time = { now: at, month: monthOf(at) };
    this.#store.setCounters(count(this.#store.counters(at), reserved, limits, time));
    this.#store.addReservation(reservation, at + this.#settleAfterMs);
    const isInTime = this.#unheld.delete(draft.id);
    const isAlone = this.#unheld.size === 0;
    if (isAlone || !isInTime) {
      this.#recount();
    }
    await (isAlone ? this.#commit.now() : this.#commit.within(0));
  }

  /** Makes the record of a request that ended before it was reserved. */
  async recordUnserved(
    draft: RequestDraft,
    outcome: Outcome,
    limits: KeyLimits,
  ): Promise<Standing[]> {
    this.#record(draft, { ...NEVER_BEGUN, outcome }, 0);
    await this.#commit.within(0);
    return standings(limits, this.#state());
  }

  /**
   * Replaces what was set aside by what was used; does nothing for what is settled already. If it is
   * lost before it is written down, the alarm finds the reservation still open.
   */
  settle(id: string, ending: RequestEnding): void {
    this.#settle(id, ending);
    this.#writeBehind();
  }

  standings(limits: KeyLimits): Standing[] {
    return standings(limits, this.#state());
  }

  /** The database has these records. */
  forget(ids: readonly string[]): void {
    this.#store.removeRecords(ids);
    this.#writeBehind();
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = null;
    this.#store.write();
    const due = this.#store.dueReservations(Date.now(), MAX_CHECKS);
    await Promise.all(due.map((reservation) => this.#check(reservation)));
    this.#store.write();
    const unheardOf = this.#store.dueRecords(Date.now(), MAX_RECORDS);
    this.#store.sendLater(
      unheardOf.map(({ id }) => id),
      Date.now() + this.#settleAfterMs,
    );
    this.#unsent.push(...unheardOf);
    await this.#commit.now();
  }

  #state(): KeyState {
    const now = Date.now();
    this.#dropLost(now);
    const running = this.#store.runningCount + this.#unheld.size;
    return { counters: this.#counters ?? this.#store.counters(now), running, now };
  }

  /** What is not held in time is not counted any more: its edge must have died. */
  #dropLost(now: number): void {
    for (const [id, { at }] of this.#unheld) {
      if (now - at <= UNHELD_MS) {
        return; // they are in order of time
      }
      this.#unheld.delete(id);
      this.#recount();
    }
  }

  #recount(): void {
    this.#counters = undefined;
    for (const { reserved, at, limits } of this.#unheld.values()) {
      const before = this.#counters ?? this.#store.counters(at);
      this.#counters = count(before, reserved, limits, { now: at, month: monthOf(at) });
    }
  }

  #settle(id: string, ending: RequestEnding): void {
    const reservation = this.#store.takeReservation(id);
    if (reservation === undefined) {
      return;
    }
    const { draft, reserved, at, limits } = reservation;
    const used = requestAmounts(this.#prices, draft.model, ending);
    const now = Date.now();
    const change = difference(used, reserved);
    const time = { now, month: monthOf(at) };
    const counted = (counters: Counters) => count(counters, change, limits, time);
    this.#store.setCounters(counted(this.#store.counters(now)));
    this.#counters &&= counted(this.#counters);
    this.#record(draft, ending, used.costMicros);
  }

  /** Into the store, and on its way with the next write. */
  #record(draft: RequestDraft, ending: RequestEnding, cost: number): void {
    const now = Date.now();
    const durationMs = Math.max(0, now - draft.startedAt);
    const record = { ...draft, ...ending, durationMs, costMicros: cost };
    this.#store.addRecord(record, now + this.#settleAfterMs);
    this.#unsent.push(record);
  }

  #writeBehind(): void {
    this.ctx.waitUntil(this.#commit.within(WRITE_BEHIND_MS));
  }

  async #write(): Promise<void> {
    this.#store.write();
    this.ctx.waitUntil(this.#send());
    await this.#setAlarm();
  }

  /** One batch at a time: what comes meanwhile goes with the next one. Never rejects. */
  async #send(): Promise<void> {
    if (this.#isSending) {
      return;
    }
    this.#isSending = true;
    while (this.#unsent.length > 0) {
      await this.#sendBatch(this.#unsent.splice(0, MAX_RECORDS));
    }
    this.#isSending = false;
  }

  async #sendBatch(records: readonly UsageRecord[]): Promise<void> {
    try {
      await this.env.USAGE_QUEUE.sendBatch(records.map((body) => ({ body })));
    } catch (cause) {
      createLogger(this.env.LOG).warn("usage_not_sent", { cause }); // again by the alarm
    }
  }

  async #check({ draft: { id }, at }: Reservation): Promise<void> {
    const found = await this.#ask(id);
    const now = Date.now();
    if (typeof found === "object") {
      this.#settle(id, found);
    } else if (found === "unknown" && now - at >= CHECKS_OF_UNKNOWN * this.#settleAfterMs) {
      this.#settle(id, NEVER_BEGUN);
    } else {
      this.#store.checkLater(id, now + this.#settleAfterMs);
    }
  }

  /** A worker that does not answer says nothing. */
  async #ask(id: string): Promise<FoundEnding> {
    try {
      return await findEnding(gpuWorkersOf(this.env), id);
    } catch (cause) {
      createLogger(this.env.LOG).warn("ending_not_found", { id, cause });
      return "unknown";
    }
  }

  /** At the next time when something falls due; every write to an alarm is paid for. */
  async #setAlarm(): Promise<void> {
    const due = this.#store.nextDue();
    if (due === undefined) {
      return;
    }
    const now = Date.now();
    if (this.#alarmAt === undefined) {
      this.#alarmAt = await this.ctx.storage.getAlarm();
    }
    const at = this.#alarmAt;
    if (at === null || at > due || at < now - LOST_ALARM_MS) {
      this.#alarmAt = Math.max(due, now);
      await this.ctx.storage.setAlarm(this.#alarmAt);
    }
  }
}
