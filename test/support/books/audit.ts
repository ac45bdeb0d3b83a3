import type { Usage } from "@qwen3-vl/shared/usage";

import type { UsageRecord } from "../usage-records.ts";
import type { Told } from "./booked-load.ts";
import type { BookedKey } from "./key-rows.ts";
import type { Ledger } from "./ledgers.ts";

/** All that is known of a load, from each who knows it. */
export interface Accounts {
  told: readonly Told[];
  records: readonly UsageRecord[];
  ledgers: readonly Ledger[];
  /** What the GPU worker knows of each record's request; undefined where it knows none. */
  workers: ReadonlyMap<string, Usage | undefined>;
  /** Tokens that `GET /v1/usage` tells of each key, by its id. */
  summed: ReadonlyMap<string, number>;
  keys: readonly BookedKey[];
}

/** Sentences on everything in which clients, records, limiters, the GPU worker and `/v1/usage` disagree. */
export function disagreements(accounts: Accounts): string[] {
  return [
    ...clientsAgainstRecords(accounts),
    ...workersAgainstRecords(accounts),
    ...ledgersAgainstRecords(accounts),
    ...keysAgainstRecords(accounts),
  ];
}

function tokensOf({ prompt_tokens: prompt, completion_tokens: completion }: UsageRecord): number {
  return prompt + completion;
}

function clientsAgainstRecords({ told, records }: Accounts): string[] {
  const byRequest = Map.groupBy(records, ({ request_id: id }) => id);
  const sent = new Set(told.map(({ requestId }) => requestId));
  const strange = records.filter(({ request_id: id }) => !sent.has(id));
  return [
    ...strange.map(({ request_id: id }) => `${id} has a record and was never sent`),
    ...told.flatMap((each) => {
      const own = byRequest.get(each.requestId) ?? [];
      const problem = problemOf(each, own);
      return problem === undefined ? [] : [`${each.requestId} (${each.kind}): ${problem}`];
    }),
  ];
}

function problemOf(told: Told, records: readonly UsageRecord[]): string | undefined {
  const [record] = records;
  if (records.length > 1 || (record === undefined && told.kind !== "broken")) {
    return `${records.length} records`;
  }
  if (record === undefined || told.kind === "broken") {
    return undefined; // it may have come to the edge, or not
  }
  if (told.kind === "refused") {
    return tokensOf(record) === 0 && /^(refused|failed)$/.test(record.outcome)
      ? undefined
      : `status ${told.status}, recorded as ${record.outcome} of ${tokensOf(record)} tokens`;
  }
  const { prompt_tokens: prompt, completion_tokens: completion } = told.usage;
  return record.prompt_tokens === prompt && record.completion_tokens === completion
    ? undefined
    : `told ${prompt} + ${completion}, recorded ${record.prompt_tokens} + ${record.completion_tokens}`;
}

function workersAgainstRecords({ records, workers }: Accounts): string[] {
  return records.flatMap((record) => {
    const known = workers.get(record.id)?.total_tokens ?? 0;
    return known === tokensOf(record)
      ? []
      : [
          `${record.request_id} (${record.outcome}): the worker knows ${known} tokens, recorded ${tokensOf(record)}`,
        ];
  });
}

function ledgersAgainstRecords({ records, ledgers, keys }: Accounts): string[] {
  const open = ledgers.reduce((sum, ledger) => sum + ledger.open, 0);
  const sums = keys.map(({ id }) => {
    const own = records.filter(({ api_key_id: key }) => key === id);
    const cost = own.reduce((sum, record) => sum + record.cost_micros, 0);
    return `${own.reduce((sum, record) => sum + tokensOf(record), 0)} tokens at ${cost}`;
  });
  const booked = ledgers.map((each) => `${each.monthTokens} tokens at ${each.monthCostMicros}`);
  const [expected, got] = [listed(sums), listed(booked)];
  return [
    ...(open === 0 ? [] : [`${open} reservations or records are open`]),
    ...(expected === got ? [] : [`records sum to ${expected}; limiters have ${got}`]),
  ];
}

/** In one order: a limiter's file does not tell whose it is. */
function listed(sums: readonly string[]): string {
  return sums
    .filter((sum) => sum !== "0 tokens at 0")
    .toSorted()
    .join(", ");
}

function keysAgainstRecords({ records, summed, keys }: Accounts): string[] {
  return keys.flatMap(({ id, limits }) => {
    const own = records.filter(({ api_key_id: key }) => key === id);
    const tokens = own.reduce((sum, record) => sum + tokensOf(record), 0);
    const told = summed.get(id);
    const most = limits.tokens_per_month ?? Infinity;
    return [
      ...(told === tokens ? [] : [`${id}: /v1/usage tells ${told} tokens, recorded ${tokens}`]),
      ...(tokens <= most ? [] : [`${id}: used ${tokens} tokens of ${most}`]),
    ];
  });
}
