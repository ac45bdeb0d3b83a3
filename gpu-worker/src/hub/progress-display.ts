import type { WriteStream } from "node:tty";

import type { Logger } from "../log.ts";
import type { Progress, ProgressDisplay } from "./fetch-progress.ts";

const BAR_CELLS = 24;
const ERASE_LINE = "\r\u001B[K";

/** A bar on the last line of a terminal. */
export function terminalDisplay(terminal: Pick<WriteStream, "columns" | "write">): ProgressDisplay {
  let line = "";
  return {
    intervalMs: 100,
    show: (progress) => {
      line = progressLine(progress).slice(0, terminal.columns - 1); // a line that wraps cannot be erased
      terminal.write(ERASE_LINE + line);
    },
    note: (message) => terminal.write(`${ERASE_LINE}${message}\n${line}`),
    end: () => terminal.write("\n"),
  };
}

/** Lines in the log, at the level that `npm start` shows: a start that fetches is out of the ordinary. */
export function logDisplay(logger: Logger): ProgressDisplay {
  return {
    intervalMs: 5000,
    show: (progress) => logger.warn("fetching", { progress: progressLine(progress) }),
    note: (message) => logger.warn("fetching", { note: message }),
    end: () => undefined,
  };
}

/** `Qwen/Qwen3-VL-2B-Instruct ████████░░░░ 67% of 4.3 GB, 52 MB/s, 0:27 left` */
export function progressLine({ label, doneBytes, totalBytes, bytesPerSecond }: Progress): string {
  const share = totalBytes === 0 ? 1 : doneBytes / totalBytes;
  const full = Math.floor(share * BAR_CELLS);
  const bar = "█".repeat(full) + "░".repeat(BAR_CELLS - full);
  const line = `${label} ${bar} ${Math.floor(share * 100)}% of ${formatBytes(totalBytes)}`;
  if (bytesPerSecond === undefined) {
    return line;
  }
  const left = formatSeconds((totalBytes - doneBytes) / bytesPerSecond);
  return `${line}, ${formatBytes(bytesPerSecond)}/s, ${left} left`;
}

/** In powers of ten, as the hub's pages and disks have them. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const value = bytes / 1000 ** power;
  return `${value.toFixed(power > 0 && value < 10 ? 1 : 0)} ${units[power]}`;
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = String(Math.floor(whole / 60) % 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours === 0 ? `${minutes}:${rest}` : `${hours}:${minutes.padStart(2, "0")}:${rest}`;
}
