/** What `fakes/global-setup.ts` tells the tests. */
export interface Servers {
  gpuWorkerUrl: string;
  /** Two more, for tests of several. */
  twoWorkerUrls: [string, string];
  pictureServerUrl: string;
  /** A port of this machine on which nobody listens. */
  closedPort: number;
}

declare module "vitest" {
  interface ProvidedContext extends Servers {}
}
