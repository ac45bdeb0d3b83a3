import type { KeyLimits } from "../keys/key-settings.ts";
import type { Measure } from "./amounts.ts";

type Window = "minute" | "month" | "running";

export interface Limit {
  /** As headers name it. */
  name: string;
  setting: Exclude<keyof KeyLimits, "stored_bytes">;
  measure: Measure;
  window: Window;
  /** Units of the measure in one of the setting. */
  scale: number;
  /** As messages call what is counted. */
  noun: string;
}

/** Every limit of what requests use, in the order in which headers tell them. */
export const LIMITS: readonly Limit[] = [
  limit("requests", "requests_per_minute", "requests", "minute"),
  limit("tokens", "tokens_per_minute", "tokens", "minute"),
  limit("pixels", "pixels_per_minute", "pixels", "minute"),
  {
    ...limit("video-seconds", "video_seconds_per_minute", "videoMs", "minute"),
    scale: 1000,
    noun: "video seconds",
  },
  limit("frames", "frames_per_minute", "frames", "minute"),
  limit("concurrent-requests", "concurrent_requests", "requests", "running"),
  limit("monthly-tokens", "tokens_per_month", "tokens", "month"),
  {
    ...limit("monthly-cost", "cost_per_month", "costMicros", "month"),
    scale: 1e6,
    noun: "units of money",
  },
];

function limit(name: string, setting: Limit["setting"], measure: Measure, window: Window): Limit {
  return { name, setting, measure, window, scale: 1, noun: measure };
}

/** Whether any of them is set. */
export function isLimited(limits: KeyLimits): boolean {
  return LIMITS.some(({ setting }) => limits[setting] !== undefined);
}
