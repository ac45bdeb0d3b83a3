import type { TestProject } from "vitest/node";

import { handleGpuWorkerCall } from "./gpu-worker.ts";
import { listen } from "./listen.ts";
import { servePicture } from "./picture-server.ts";
import { startS3 } from "./s3-server.ts";
import { receiveWebhooks } from "./webhook-receiver.ts";

/** Starts the servers the edge talks to; returns what stops them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const gpuWorker = await listen(handleGpuWorkerCall());
  const [first, second] = await Promise.all([
    listen(handleGpuWorkerCall()),
    listen(handleGpuWorkerCall()),
  ]);
  const pictures = await listen(servePicture);
  const webhooks = await listen(receiveWebhooks());
  const closed = await listen(() => {});
  await closed.close();
  const s3 = await startS3();

  project.provide("gpuWorkerUrl", gpuWorker.url);
  project.provide("twoWorkerUrls", [first.url, second.url]);
  project.provide("pictureServerUrl", pictures.url);
  project.provide("webhookReceiverUrl", webhooks.url);
  project.provide("closedPort", closed.port);
  project.provide("s3", s3.variables);
  return async () => {
    await Promise.all(
      [gpuWorker, first, second, pictures, webhooks, s3].map((server) => server.close()),
    );
  };
}
