const LEVELS = ["debug", "info", "warn", "error"] as const;
type Level = (typeof LEVELS)[number];

/** What `LOG` may be: the least severe level that is written. */
const THRESHOLDS: readonly string[] = [...LEVELS, "silent"];

export type Logger = Record<Level, (event: string, fields?: Record<string, unknown>) => void>;

/** Writes one line of JSON per event of at least the given level; an unknown level means `info`. */
export function createLogger(least: string | undefined): Logger {
  const threshold = THRESHOLDS.indexOf(least ?? "info");
  const from = threshold === -1 ? THRESHOLDS.indexOf("info") : threshold;
  const log = (level: Level) => (event: string, fields?: Record<string, unknown>) => {
    if (THRESHOLDS.indexOf(level) >= from) {
      write(level, JSON.stringify({ level, event, ...fields }, describeError));
    }
  };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

function write(level: Level, line: string): void {
  // oxlint-disable-next-line no-console -- the platform collects logs from the console; nothing else here may use it
  console[level](line);
}

/** An error has no enumerable fields, so JSON would show `{}`. */
function describeError(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) {
    return value;
  }
  const { name, message, stack, cause } = value;
  return { name, message, stack, ...(cause === undefined ? {} : { cause }) };
}
