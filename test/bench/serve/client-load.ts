import { median } from "../table.ts";
import type { TimedStream } from "./timed-stream.ts";

const REQUESTS_PER_CLIENT = 3;

export const LOAD_COLUMNS = [
  "clients",
  "first token ms",
  "95 %",
  "ms a token",
  "tokens/s",
  "longest stall ms",
];

/** What clients ask again and again, each its next question when the last one is answered. */
export interface LoadOptions {
  clients: number;
  /** The question of so high a number. */
  ask: (number: number) => Promise<TimedStream>;
}

/** @returns a row under `LOAD_COLUMNS` */
export async function measureLoad({ clients, ask }: LoadOptions): Promise<string[]> {
  const streams: TimedStream[] = [];
  const begun = performance.now();
  const client = async (index: number) => {
    for (let request = 0; request < REQUESTS_PER_CLIENT; request++) {
      streams.push(await ask(index + request));
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  const seconds = (performance.now() - begun) / 1000;
  const firsts = streams.map(({ firstMs }) => firstMs).toSorted((a, b) => a - b);
  const tokens = streams.reduce((sum, stream) => sum + stream.tokens, 0);
  return [
    String(clients),
    median(firsts).toFixed(0),
    (firsts[Math.floor(firsts.length * 0.95)] ?? NaN).toFixed(0),
    median(streams.map((stream) => stream.restMs / Math.max(1, stream.tokens - 1))).toFixed(1),
    (tokens / seconds).toFixed(0),
    Math.max(...streams.map(({ longestGapMs }) => longestGapMs)).toFixed(0),
  ];
}
