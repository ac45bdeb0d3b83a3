import { assembleSystem } from "../../support/assembled-system.ts";
import { measureEdgeOverhead } from "./edge-overhead.ts";
import { measureStreams } from "./stream-speed.ts";

/** What a client waits for and how fast text comes, and how much of it is the edge's doing. */
export async function chat(): Promise<void> {
  await using system = await assembleSystem();
  await measureStreams(system);
  console.log();
  await measureEdgeOverhead(system);
}
