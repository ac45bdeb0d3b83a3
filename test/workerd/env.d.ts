import type { Env as EdgeEnv } from "../../edge/src/env.ts";
import type * as edge from "../../edge/src/index.ts";

declare global {
  namespace Cloudflare {
    interface Env extends EdgeEnv {
      MIGRATIONS: { name: string; queries: string[] }[];
    }
    interface GlobalProps {
      mainModule: typeof edge;
    }
  }
}
