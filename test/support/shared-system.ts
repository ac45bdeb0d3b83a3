import { inject } from "vitest";
import * as z from "zod";

import type { RunningSystem } from "./running-system.ts";

/** The system that `test/e2e/global-setup.ts` has started. */
export type SharedSystem = Pick<RunningSystem, "url" | "apiKey" | "adminToken" | "stateFolder">;

declare module "vitest" {
  interface ProvidedContext {
    sharedSystem: SharedSystem;
  }
}

const CreatedKey = z.object({ value: z.string() });

/**
 * The running system, with a key that nobody else has: a tenant of its own, so files and caches of
 * other test files are another's. For tests that leave it running and want no settings of their own.
 */
export async function sharedSystem(): Promise<SharedSystem> {
  const system = inject("sharedSystem");
  const response = await fetch(`${system.url}/admin/keys`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${system.adminToken}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ name: "a test file" }),
  });
  const { value } = CreatedKey.parse(await response.json());
  return { ...system, apiKey: value };
}
