/** A local edge as a process of its own, to be killed: `node edge-child-process.ts SCRIPT OPTIONS`. */
import { readFile } from "node:fs/promises";

import * as z from "zod";

import { startLocalEdge } from "../../../dev/src/local-edge.ts";

const Options = z.object({
  configPath: z.string(),
  stateFolder: z.string(),
  vars: z.record(z.string(), z.string()),
});

const [scriptPath = "", options = ""] = process.argv.slice(2);
const script = await readFile(scriptPath, "utf8");
const { port } = await startLocalEdge(script, Options.parse(JSON.parse(options)));
process.send?.({ port });
