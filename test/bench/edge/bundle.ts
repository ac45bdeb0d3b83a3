import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

import * as z from "zod";

import { REPOSITORY } from "../../../dev/src/settings.ts";
import { median, printTable } from "../table.ts";

const run = promisify(execFile);

const STARTS = 7;

const QUIET = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};

/** Size of what `wrangler deploy` would send, and the processor time of its start. */
export async function bundle(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "qwen3-vl-bundle-"));
  try {
    const output = join(folder, "dist");
    await wrangler(["deploy", "--dry-run", "--outdir", output]);
    const scripts = (await readdir(output)).filter((name) => name.endsWith(".js"));
    const rows: string[][] = [];
    for (const name of scripts) {
      const script = await readFile(join(output, name));
      rows.push([name, kib(script.length), kib(gzipSync(script).length)]);
    }
    printTable([["wrangler's dry run", "KiB", "KiB gzip"], ...rows]);
    const starts: number[] = [];
    for (let start = 0; start < STARTS; start++) {
      const profile = join(folder, `start-${start}.cpuprofile`);
      await wrangler(["check", "startup", "--outfile", profile]);
      starts.push(activeMs(await readFile(profile, "utf8")));
    }
    const [least, middle] = [Math.min(...starts), median(starts)].map((ms) => ms.toFixed(0));
    console.log(
      `\nstart-up: ${middle} ms of processor time in the median of ${STARTS} starts, ${least} at least (wrangler check startup)`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function wrangler(parameters: readonly string[]): Promise<unknown> {
  const command = join(REPOSITORY, "node_modules/.bin/wrangler");
  return run(command, [...parameters], { cwd: REPOSITORY, env: { ...process.env, ...QUIET } });
}

const Profile = z.object({
  nodes: z.array(z.object({ id: z.number(), callFrame: z.object({ functionName: z.string() }) })),
  samples: z.array(z.number()),
  /** Microseconds before each sample. */
  timeDeltas: z.array(z.number()),
});

/** Of a CPU profile, all that is not idle. */
function activeMs(text: string): number {
  const { nodes, samples, timeDeltas } = Profile.parse(JSON.parse(text));
  const idle = new Set(
    nodes.filter(({ callFrame }) => callFrame.functionName === "(idle)").map(({ id }) => id),
  );
  const active = timeDeltas.filter((_, index) => !idle.has(samples[index] ?? -1));
  return active.reduce((sum, microseconds) => sum + microseconds, 0) / 1000;
}

const kib = (bytes: number) => (bytes / 1024).toFixed(1);
