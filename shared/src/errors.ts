/** Every failure a client can see: its HTTP status and its OpenAI error type. */
const ERRORS = {
  invalid_request: { status: 400, type: "invalid_request_error" },
  invalid_media: { status: 400, type: "invalid_request_error" },
  context_length_exceeded: { status: 400, type: "invalid_request_error" },
  invalid_api_key: { status: 401, type: "authentication_error" },
  permission_denied: { status: 403, type: "invalid_request_error" },
  not_found: { status: 404, type: "invalid_request_error" },
  model_not_found: { status: 404, type: "invalid_request_error" },
  method_not_allowed: { status: 405, type: "invalid_request_error" },
  request_timeout: { status: 408, type: "invalid_request_error" },
  conflict: { status: 409, type: "invalid_request_error" },
  request_too_large: { status: 413, type: "invalid_request_error" },
  media_too_large: { status: 413, type: "invalid_request_error" },
  media_unreachable: { status: 422, type: "invalid_request_error" },
  idempotency_mismatch: { status: 422, type: "invalid_request_error" },
  rate_limit_exceeded: { status: 429, type: "rate_limit_error" },
  insufficient_quota: { status: 429, type: "insufficient_quota" },
  client_closed_request: { status: 499, type: "invalid_request_error" },
  internal: { status: 500, type: "server_error" },
  overloaded: { status: 503, type: "server_error" },
} as const;

export type ErrorCode = keyof typeof ERRORS;

export interface ApiErrorOptions {
  /** Dotted path of the offending request field, e.g. `messages.0.content`. */
  param?: string;
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** A failure the client may read: its message says what was expected, what was got, and where. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;
  readonly param: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: ApiErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.param = options.param;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get headers(): Record<string, string> {
    return this.retryAfterSeconds === undefined
      ? {}
      : { "Retry-After": String(this.retryAfterSeconds) };
  }

  /** The same failure, said of a field; an inner `param` counts from there. */
  at(param: string): ApiError {
    const { code, message, retryAfterSeconds, cause } = this;
    const path = this.param === undefined ? param : `${param}.${this.param}`;
    return new ApiError(code, message, {
      param: path,
      cause,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  }

  toJSON() {
    const { code, message, param = null } = this;
    return { error: { message, type: ERRORS[code].type, param, code } };
  }
}

/** Unknown failures become `internal`; their message never reaches the client. */
export function toApiError(error: unknown): ApiError {
  return error instanceof ApiError
    ? error
    : new ApiError("internal", "The server had an error.", { cause: error });
}
