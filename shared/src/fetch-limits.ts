/** What a fetch of a client's URL may take, wherever it is made. */
export interface FetchLimits {
  maxRedirects: number;
  /** From the start to the last redirect's headers. */
  headersMs: number;
  /** Between two chunks of the body. */
  stallMs: number;
  /** From the start to the last byte. */
  totalMs: number;
}

/** A healthy server needs a second or two; a client of ours waits all the while. */
export const FETCH_LIMITS: FetchLimits = {
  maxRedirects: 5,
  headersMs: 10_000,
  stallMs: 10_000,
  totalMs: 30_000,
};

/** Uncompressed, so that a few kilobytes cannot become gigabytes. */
export const FETCH_HEADERS: Readonly<Record<string, string>> = {
  Accept: "image/*, video/*",
  "Accept-Encoding": "identity",
  "User-Agent": "qwen3-vl-api",
};
