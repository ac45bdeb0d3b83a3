/** The header of W3C Trace Context that says which span a call belongs to. */
export const TRACEPARENT_HEADER = "traceparent";

export interface TraceParent {
  /** 32 hexadecimal digits, not all 0. */
  traceId: string;
  /** 16 hexadecimal digits, not all 0. */
  spanId: string;
  /** One byte; bit 0 says that the caller records its spans. */
  flags: number;
}

/** Version 00, the only one there is: https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^00-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})$/;

/** Says more of the same trace, in the forms of whoever takes part in it; passed on as it came. */
export const TRACESTATE_HEADER = "tracestate";

export function formatTraceparent({ traceId, spanId, flags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, "0")}`;
}

/** What a `traceparent` header says; undefined unless it is well-formed to the letter. */
export function parseTraceparent(header: string | undefined): TraceParent | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(header ?? "") ?? [];
  return traceId === undefined || spanId === undefined || flags === undefined
    ? undefined
    : { traceId, spanId, flags: Number.parseInt(flags, 16) };
}
