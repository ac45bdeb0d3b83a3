import { keepBooks } from "../../support/books/books.ts";

const REQUESTS = 2000;

/** One crash in so many requests. */
const REQUESTS_PER_CRASH = 200;

/** Whether records, limits and answers agree after requests over 20 keys and an edge that is killed. */
export async function books([requests = String(REQUESTS)]: readonly string[]): Promise<void> {
  const count = Number(requests);
  const crashes = Math.floor(count / REQUESTS_PER_CRASH);
  const begun = performance.now();
  const { disagreements, ...report } = await keepBooks({ requests: count, crashes, seed: 1 });
  console.log(report);
  for (const sentence of disagreements) {
    console.log(`  ${sentence}`);
  }
  const seconds = Math.round((performance.now() - begun) / 1000);
  console.log(`${disagreements.length} disagreements after ${count} requests, ${seconds} s`);
}
