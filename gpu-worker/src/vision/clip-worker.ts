/**
 * Entry of a decoding process: takes one clip at a time and answers its plan, its byte patches pair by pair
 * and its end. A process and no thread, because a fault in FFmpeg ends whatever it runs in.
 */
import { writeFile } from "node:fs/promises";

import type { ApiErrorOptions, ErrorCode } from "@qwen3-vl/shared/errors";

import { toOutcome } from "../threads/outcome.ts";
import type { ClipPlan, ContainedClip } from "./clip-plan.ts";
import { prepareClip } from "./prepare-clip.ts";
import type { ClipTask } from "./prepare-clip.ts";

export type ClipMessage =
  | { type: "plan"; plan: ClipPlan; clip: ContainedClip | undefined }
  | { type: "pair"; patches: Uint8Array }
  | { type: "end" }
  | { type: "failure"; code: ErrorCode; message: string; param: ApiErrorOptions["param"] };

void offerAsFirstVictim();

process.on("message", (task: ClipTask) => {
  void run(task);
});
process.on("disconnect", () => process.exit(0));

/** Anything but a client's error ends the process, and the clip with it. */
async function run(task: ClipTask): Promise<void> {
  const outcome = await toOutcome(() =>
    prepareClip(task, async ({ plan, clip, pairs }) => {
      await send({ type: "plan", plan, clip });
      if (!task.planOnly) {
        for await (const patches of pairs) {
          await send({ type: "pair", patches });
        }
      }
    }),
  );
  await send("failure" in outcome ? { type: "failure", ...outcome.failure } : { type: "end" });
}

/** When Linux runs out of memory, it ends this process before the one that serves everybody. */
async function offerAsFirstVictim(): Promise<void> {
  await writeFile("/proc/self/oom_score_adj", "1000").catch(() => undefined); // other systems
}

/** Resolves when the other side has taken it, so that no more than one pair waits. */
function send(message: ClipMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, undefined, {}, (error) => (error === null ? resolve() : reject(error)));
  });
}
