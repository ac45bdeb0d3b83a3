import { describe, expect, it } from "vitest";

import { traceContextOf, traceHeaders } from "./trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const random = (bytes: number) => "ab".repeat(bytes);

const continued = (headers: Record<string, string>) =>
  traceHeaders(traceContextOf(new Headers(headers), random));

describe("a client's trace", () => {
  it("is continued by a span of our own, with its flags and its state", () => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: "vendor=a,other=b" };
    expect(continued(headers)).toEqual({
      traceparent: `00-${TRACE}-abababababababab-00`,
      tracestate: "vendor=a,other=b",
    });
    expect(traceContextOf(new Headers(headers), random)).toMatchObject({ parentSpanId: SPAN });
  });

  it.each([
    ["no traceparent", {}],
    ["a malformed one", { traceparent: `00-${TRACE}-${SPAN}-01; x` }],
    ["one of zeros", { traceparent: `00-${"0".repeat(32)}-${SPAN}-01` }],
  ])("with %s is a new one that is recorded, and its state is forgotten", (_, headers) => {
    expect(continued({ ...headers, tracestate: "vendor=a" })).toEqual({
      traceparent: `00-${"ab".repeat(16)}-abababababababab-01`,
    });
  });

  it("loses a state that is too long, and stays a trace", () => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: "a".repeat(513) };
    expect(continued(headers)).toEqual({ traceparent: `00-${TRACE}-abababababababab-01` });
  });
});

it("each request has a span of its own", () => {
  const [one, other] = [new Headers(), new Headers()].map((headers) => traceContextOf(headers));
  expect(one?.spanId).toMatch(/^[\da-f]{16}$/);
  expect(one?.traceId).toMatch(/^[\da-f]{32}$/);
  expect(one?.spanId).not.toBe(other?.spanId);
});
