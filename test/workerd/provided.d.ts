import type { S3Variables } from "./fakes/s3-server.ts";

/** What `fakes/global-setup.ts` tells the tests. */
export interface Servers {
  gpuWorkerUrl: string;
  /** Two more, for tests of several. */
  twoWorkerUrls: [string, string];
  pictureServerUrl: string;
  webhookReceiverUrl: string;
  /** A port of this machine on which nobody listens. */
  closedPort: number;
  s3: S3Variables;
}

declare module "vitest" {
  interface ProvidedContext extends Servers {}
}
