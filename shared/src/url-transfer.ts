import { Deadlines } from "./deadlines.ts";
import { ApiError } from "./errors.ts";
import type { FetchLimits } from "./fetch-limits.ts";
import { judgeRedirect, judgeUrl } from "./fetch-policy.ts";
import type { FetchPolicy } from "./fetch-policy.ts";

/** How one URL is asked, with whatever method and headers; `Answer` has its head, and its body to come. */
export interface Transport<Answer> {
  /** Follows no redirect. May throw a `refused` of its own, of what only the name's addresses tell. */
  ask: (url: URL, signal: AbortSignal) => Promise<Answer>;
  headOf: (answer: Answer) => { status: number; location: string | null };
  /** Of a redirect, whose body nobody reads. */
  drop: (answer: Answer) => Promise<void> | void;
}

export interface TransferOptions<Answer> {
  policy: FetchPolicy;
  /** A call that must not be repeated elsewhere, as a POST, has no redirects. */
  limits: Pick<FetchLimits, "maxRedirects" | "headersMs" | "totalMs">;
  transport: Transport<Answer>;
  /** Of whoever waits. */
  signal: AbortSignal;
}

/**
 * Why a client's URL came to nothing. `refused`: by policy, before anything was sent. `message` is the end
 * of a sentence about the URL, and tells no address and nothing that the other server said.
 */
export class UrlTransferError extends Error {
  override readonly name = "UrlTransferError";
  readonly kind: "refused" | "unreachable";

  constructor(kind: UrlTransferError["kind"], message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.kind = kind;
  }
}

/**
 * Asks a client's URL and those that it redirects to, each of which is judged before, and hands the
 * answer to `read`.
 *
 * @throws UrlTransferError; an ApiError of `read`; whatever there was when `signal` has aborted
 */
export async function transferUrl<Answer, T>(
  text: string,
  options: TransferOptions<Answer>,
  read: (answer: Answer, deadlines: Deadlines) => Promise<T>,
): Promise<T> {
  const { policy, limits, signal } = options;
  const verdict = judgeUrl(text, policy);
  if ("refusal" in verdict) {
    throw new UrlTransferError("refused", verdict.refusal);
  }
  const deadlines = new Deadlines(limits.totalMs, signal);
  try {
    deadlines.expect("the headers", limits.headersMs);
    return await read(await follow(verdict.url, options, deadlines.signal), deadlines);
  } catch (cause) {
    if (cause instanceof UrlTransferError || cause instanceof ApiError || signal.aborted) {
      throw cause;
    }
    throw unreachable(whatWentWrong(deadlines), cause);
  } finally {
    deadlines.stop();
  }
}

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

async function follow<Answer>(
  first: URL,
  { policy, limits, transport }: TransferOptions<Answer>,
  signal: AbortSignal,
): Promise<Answer> {
  const visited = new Set<string>();
  let url = first;
  while (visited.size <= limits.maxRedirects) {
    if (visited.has(url.href)) {
      throw unreachable("its redirects go in a circle");
    }
    const answer = await askHop(url, transport, { signal, isFirst: visited.size === 0 });
    visited.add(url.href);
    const { status, location } = transport.headOf(answer);
    if (!REDIRECT_STATUSES.has(status)) {
      return answer;
    }
    await transport.drop(answer);
    const verdict = judgeRedirect(url, location, policy);
    if ("refusal" in verdict) {
      throw redirectRefused(verdict.refusal);
    }
    ({ url } = verdict);
  }
  throw unreachable(`it redirects more than ${limits.maxRedirects} times`);
}

async function askHop<Answer>(
  url: URL,
  transport: Transport<Answer>,
  { signal, isFirst }: { signal: AbortSignal; isFirst: boolean },
): Promise<Answer> {
  try {
    return await transport.ask(url, signal);
  } catch (error) {
    const isRefused = error instanceof UrlTransferError && error.kind === "refused";
    throw isRefused && !isFirst ? redirectRefused(error.message) : error;
  }
}

function whatWentWrong({ missed }: Deadlines): string {
  return missed === undefined
    ? "its server could not be reached or broke off"
    : `its server did not send ${missed.what} within ${missed.ms / 1000} s`;
}

function redirectRefused(refusal: string): UrlTransferError {
  return unreachable(`it redirects to a URL that is refused: ${refusal}`);
}

function unreachable(reason: string, cause?: unknown): UrlTransferError {
  return new UrlTransferError("unreachable", reason, { cause });
}
