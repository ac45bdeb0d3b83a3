import type { TestProject } from "vitest/node";

import { startSystem } from "../support/running-system.ts";

/** Starts the system that test files share; a start takes 5 s of a core. Returns what stops it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, apiKey, adminToken, stateFolder, stop } = await startSystem();
  project.provide("sharedSystem", { url, apiKey, adminToken, stateFolder });
  return stop;
}
