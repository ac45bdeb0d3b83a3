/** An answer other than success, of the hub or of a host that it refers to. */
export class HubAnswerError extends Error {
  override readonly name = "HubAnswerError";
  readonly status: number;
  /** What the hub itself calls it, such as `GatedRepo`; other hosts have no say in that. */
  readonly code: string | undefined;
  readonly isFromHub: boolean;
  readonly retryAfterMs: number | undefined;

  constructor({ status, headers }: Response, { isFromHub }: { isFromHub: boolean }) {
    super(`${isFromHub ? "the hub" : "the host that stores the files"} answered ${status}`);
    this.status = status;
    this.isFromHub = isFromHub;
    this.code = isFromHub ? (headers.get("x-error-code") ?? undefined) : undefined;
    this.retryAfterMs = parseRetryAfter(headers.get("retry-after"));
  }
}

/** A connection that was not made, broke off or fell silent. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";

  /** `fetch` says no more than "fetch failed"; its cause tells the address or the name at fault. */
  static from(error: unknown): ConnectionError {
    if (error instanceof ConnectionError) {
      return error;
    }
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return new ConnectionError(describe(cause), { cause: error });
  }
}

/** An answer that no hub would give. */
export class HubFormatError extends Error {
  override readonly name = "HubFormatError";

  static from(error: unknown): HubFormatError {
    return new HubFormatError(describe(error), { cause: error });
  }
}

/** Whether the same request may succeed a little later. */
export function isTransient(error: unknown): boolean {
  if (error instanceof HubAnswerError) {
    const { status, isFromHub } = error;
    const isExpiredLink = !isFromHub && status === 403; // the hub signs a new one for the next attempt
    return status >= 500 || status === 408 || status === 429 || isExpiredLink;
  }
  return error instanceof ConnectionError;
}

/** `Retry-After` is a number of seconds or a date. */
function parseRetryAfter(value: string | null): number | undefined {
  if (value === null) {
    return undefined;
  }
  const delay = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(delay) ? undefined : Math.max(delay, 0);
}

/** An error over several addresses has no message of its own. */
function describe(cause: unknown): string {
  if (!(cause instanceof Error)) {
    return String(cause);
  }
  const code = "code" in cause ? String(cause.code) : cause.name;
  return cause.message.replaceAll(/\s+/g, " ") || code;
}
