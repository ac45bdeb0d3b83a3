import { readFile, readdir, readlink } from "node:fs/promises";

/** What a process holds of the machine. */
export interface ProcessFigures {
  name: string;
  /** Resident memory in MiB. */
  memory: number;
  /** Open file descriptors, sockets included. */
  handles: number;
  sockets: number;
}

/** A process and those it started, as Linux tells them in `/proc`. */
export async function figuresOfSystem(pid: number): Promise<ProcessFigures[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  const pids = [pid, ...children.trim().split(/\s+/).filter(Boolean).map(Number)];
  return Promise.all(pids.map(figuresOf));
}

async function figuresOf(pid: number): Promise<ProcessFigures> {
  const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ");
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const handles = await readdir(`/proc/${pid}/fd`);
  const targets = await Promise.all(
    handles.map((handle) => readlink(`/proc/${pid}/fd/${handle}`).catch(() => "")),
  );
  return {
    name: /workerd serve|gpu-worker/.exec(command)?.[0] ?? "starter",
    memory: Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024),
    handles: handles.length,
    sockets: targets.filter((target) => target.startsWith("socket:")).length,
  };
}

/** The most resident memory that a process ever had, in MiB; 0 when it is gone. */
export async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
}
