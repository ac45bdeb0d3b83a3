import { setTimeout as sleep } from "node:timers/promises";

import { runLoad } from "../support/chat-load.ts";
import { figuresOfSystem } from "../support/process-figures.ts";
import { startSystem } from "../support/running-system.ts";
import { printTable } from "./table.ts";

const CLIENTS = 50;
const SECONDS = 30;
const ROUNDS = 3;

/** Kept connections between the parts are closed within 12 s of silence. */
const SETTLE_MS = 15_000;

/**
 * 50 clients at once, a third of them leaving in mid-stream, in rounds of 30 s: how requests ended, and
 * what each process holds before and after.
 */
export async function soak(): Promise<void> {
  await using system = await startSystem();
  const { url, apiKey, pid } = system;
  await runLoad({ url, apiKey, clients: 1, seconds: 2, seed: 0 }); // what is loaded lazily is loaded
  await sleep(SETTLE_MS);
  const rows = [["round", "process", "MiB", "handles", "sockets"].map(String)];
  const note = async (round: string) => {
    for (const { name, memory, handles, sockets } of await figuresOfSystem(pid)) {
      rows.push([round, name, memory, handles, sockets].map(String));
    }
  };
  await note("before");
  for (let round = 1; round <= ROUNDS; round++) {
    const endings = await runLoad({ url, apiKey, clients: CLIENTS, seconds: SECONDS, seed: round });
    console.log(`round ${round}:`, endings);
    await sleep(SETTLE_MS);
    await note(`after ${round}`);
  }
  printTable(rows);
}
