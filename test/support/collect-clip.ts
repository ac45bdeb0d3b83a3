import type { ClipPlan } from "../../gpu-worker/src/vision/clip-plan.ts";
import { normalise } from "../../gpu-worker/src/vision/patches.ts";
import { prepareClip } from "../../gpu-worker/src/vision/prepare-clip.ts";
import type { ClipTask } from "../../gpu-worker/src/vision/prepare-clip.ts";

/** A clip's plan and all its patches, prepared in this process. */
export async function collectClip(
  task: ClipTask,
): Promise<{ plan: ClipPlan; patches: Float32Array<ArrayBuffer> }> {
  const collected = Promise.withResolvers<{ plan: ClipPlan; patches: Float32Array<ArrayBuffer> }>();
  await prepareClip(task, async ({ plan, pairs }) => {
    const parts = await Array.fromAsync(pairs);
    const patches = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
    let offset = 0;
    for (const part of parts) {
      normalise(part, task.settings, patches.subarray(offset, offset + part.length));
      offset += part.length;
    }
    collected.resolve({ plan, patches });
  });
  return collected.promise;
}
