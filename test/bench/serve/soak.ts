import { setTimeout as sleep } from "node:timers/promises";

import { assembleSystem } from "../../support/assembled-system.ts";
import { runLoad } from "../../support/chat-load.ts";
import { figuresOfSystem } from "../../support/process-figures.ts";
import { readMetrics } from "../../support/worker-metrics.ts";
import { printTable } from "../table.ts";

const CLIENTS = 50;
const SECONDS = 30;
const ROUNDS = 3;

/** Kept connections between the parts are closed within 12 s of silence. */
const SETTLE_MS = 15_000;

/**
 * 50 clients at once, a third of them leaving in mid-stream, in rounds of 30 s: how requests ended, what
 * the GPU worker still runs afterwards, and what each process holds. The clients are in the process that
 * starts the parts, so its memory is theirs too. Needs Linux, which tells these figures.
 */
export async function soak(): Promise<void> {
  await using system = await assembleSystem();
  const { url, apiKey } = system;
  await runLoad({ url, apiKey, clients: 1, seconds: 2, seed: 0 }); // what is loaded lazily is loaded
  const rows = [["after", "process", "MiB", "handles", "sockets"]];
  const note = async (moment: string) => {
    await sleep(SETTLE_MS);
    for (const { name, memory, handles, sockets } of await figuresOfSystem(process.pid)) {
      rows.push([moment, name, memory, handles, sockets].map(String));
    }
  };
  await note("start");
  for (let round = 1; round <= ROUNDS; round++) {
    const endings = await runLoad({ url, apiKey, clients: CLIENTS, seconds: SECONDS, seed: round });
    console.log(`round ${round}:`, endings);
    await note(`round ${round}`);
    console.log(await readMetrics(system.worker));
  }
  console.log();
  printTable(rows);
}
