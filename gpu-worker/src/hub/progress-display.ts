import type { WriteStream } from "node:tty";

import type { Logger } from "../log.ts";
import { progressBar } from "../progress-bar.ts";
import type { Progress, ProgressDisplay } from "./fetch-progress.ts";

/** What the bar may take when the rest of the line leaves as much. */
const BAR_CELLS = { least: 5, most: 24 };

/** `100% of 471 GB, 100 MB/s, 10:00:00 left`: room for all, so that the bar keeps its length. */
const FIGURES_COLUMNS = 40;

/** Of a terminal that does not tell its width. */
const USUAL_COLUMNS = 80;

const ERASE_LINE = "\r\u001B[K";

/** A bar on the last line of a terminal. */
export function terminalDisplay(terminal: Pick<WriteStream, "columns" | "write">): ProgressDisplay {
  let line = "";
  return {
    intervalMs: 100,
    show: (progress) => {
      line = progressLine(progress, (terminal.columns || USUAL_COLUMNS) - 1);
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
    show: ({ label, doneBytes, totalBytes }) =>
      logger.warn("fetching checkpoint", {
        model: label,
        percent: Math.floor(shareOf({ doneBytes, totalBytes }) * 100),
        totalBytes,
      }),
    note: (message) => logger.warn("fetching checkpoint", { note: message }),
    end: () => undefined,
  };
}

/**
 * `Qwen/Qwen3-VL-2B-Instruct ████████░░░░ 67% of 4.3 GB, 52 MB/s, 0:27 left`, on at most so many
 * columns: a line that wraps cannot be erased.
 */
export function progressLine(progress: Progress, columns: number): string {
  const { label } = progress;
  const left = columns - label.length - FIGURES_COLUMNS - 2;
  const cells = Math.min(Math.max(left, BAR_CELLS.least), BAR_CELLS.most);
  return `${label} ${progressBar(shareOf(progress), cells)} ${figuresOf(progress)}`.slice(
    0,
    columns,
  );
}

function figuresOf(progress: Progress): string {
  const { doneBytes, totalBytes, bytesPerSecond } = progress;
  const share = `${Math.floor(shareOf(progress) * 100)}% of ${formatBytes(totalBytes)}`;
  if (bytesPerSecond === undefined) {
    return share;
  }
  const left = formatSeconds((totalBytes - doneBytes) / bytesPerSecond);
  return `${share}, ${formatBytes(bytesPerSecond)}/s, ${left} left`;
}

function shareOf({ doneBytes, totalBytes }: Pick<Progress, "doneBytes" | "totalBytes">): number {
  return totalBytes === 0 ? 1 : doneBytes / totalBytes;
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
