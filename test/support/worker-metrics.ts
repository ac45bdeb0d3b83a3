import { SIGNATURE_HEADER, signCall } from "@qwen3-vl/shared/signature";

import { METRICS_PATH } from "../../gpu-worker/src/metrics/metrics.ts";
import type { KnownWorker } from "./assembled-system.ts";

/** What a GPU worker is busy with now, by the names of its metrics. */
export async function readMetrics({ url, secret }: KnownWorker): Promise<Record<string, number>> {
  const call = { method: "GET", path: METRICS_PATH, content: "" };
  const headers = {
    [SIGNATURE_HEADER]: await signCall(secret, call, new Date()),
    Connection: "close", // else it would be among the connections that are left
  };
  const response = await fetch(new URL(METRICS_PATH, url), { headers });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${METRICS_PATH}: status ${response.status}: ${text}`);
  }
  const values = text.matchAll(/^([\w:]+) (\S+)$/gm);
  return Object.fromEntries(Array.from(values, ([, name, value]) => [name, Number(value)]));
}
