import type { Logger } from "./log.ts";
import type { OnProgress } from "./model/weight-file.ts";
import { progressBar } from "./progress-bar.ts";

/** Small checkpoints are done before anyone wonders. */
const QUIET_MS = 1000;

const BAR_CELLS = 30;

/** Shows how far the weights are: a bar where a terminal watches, else a log line for each tenth. */
export function buildProgress(
  logger: Logger,
  terminal: Pick<NodeJS.WriteStream, "isTTY" | "write"> = process.stderr,
): OnProgress {
  const start = performance.now();
  const show = terminal.isTTY ? progressLine(terminal) : progressLines(logger);
  return (doneBytes, totalBytes) => {
    if (performance.now() - start > QUIET_MS) {
      show(doneBytes, totalBytes);
    }
  };
}

function progressLine(terminal: Pick<NodeJS.WriteStream, "write">): OnProgress {
  let shown = "";
  return (doneBytes, totalBytes) => {
    const share = doneBytes / totalBytes;
    const bar = progressBar(share, BAR_CELLS);
    const megabytes = `${Math.round(doneBytes / 1e6)} of ${Math.round(totalBytes / 1e6)} MB`;
    const line = `\rPreparing weights ${bar} ${String(Math.round(share * 100)).padStart(3)} %  ${megabytes}`;
    if (line !== shown) {
      terminal.write(doneBytes === totalBytes ? `${line}\n` : line);
      shown = line;
    }
  };
}

function progressLines(logger: Logger): OnProgress {
  let tenths = 0;
  return (doneBytes, totalBytes) => {
    const reached = Math.floor((doneBytes / totalBytes) * 10);
    if (reached > tenths) {
      tenths = reached;
      logger.info("preparing weights", { percent: reached * 10, totalBytes });
    }
  };
}
