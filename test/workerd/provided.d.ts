/** What `fakes/global-setup.ts` tells the tests. */
export interface Servers {
  gpuWorkerUrl: string;
  pictureServerUrl: string;
  /** A port of this machine on which nobody listens. */
  closedPort: number;
}

declare module "vitest" {
  interface ProvidedContext extends Servers {}
}
