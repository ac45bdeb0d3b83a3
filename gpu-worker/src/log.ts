export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

type Fields = Readonly<Record<string, unknown>>;

/** One JSON object a line on standard error. Prompts, pictures and keys are never fields. */
export class Logger {
  readonly #threshold: number;
  readonly #writeLine: (line: string) => unknown;

  constructor(level: LogLevel, writeLine: (line: string) => unknown = writeToStderr) {
    this.#threshold = LOG_LEVELS.indexOf(level);
    this.#writeLine = writeLine;
  }

  debug(event: string, fields: Fields = {}): void {
    this.#write("debug", event, fields);
  }

  info(event: string, fields: Fields = {}): void {
    this.#write("info", event, fields);
  }

  warn(event: string, fields: Fields = {}): void {
    this.#write("warn", event, fields);
  }

  error(event: string, fields: Fields = {}): void {
    this.#write("error", event, fields);
  }

  #write(level: LogLevel, event: string, fields: Fields): void {
    if (LOG_LEVELS.indexOf(level) < this.#threshold) {
      return;
    }
    const line = { time: new Date().toISOString(), level, event, ...fields };
    this.#writeLine(`${JSON.stringify(line, describeErrors)}\n`);
  }
}

const writeToStderr = (line: string) => process.stderr.write(line);

/** An error has no enumerable fields of its own. */
function describeErrors(_key: string, value: unknown): unknown {
  return value instanceof Error
    ? { message: value.message, stack: value.stack, cause: value.cause }
    : value;
}
