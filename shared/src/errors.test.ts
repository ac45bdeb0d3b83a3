import { describe, expect, it } from "vitest";

import { ApiError, toApiError } from "./errors.ts";

describe("ApiError", () => {
  it("has the status of its code and OpenAI's form", () => {
    const error = new ApiError("media_too_large", "30 MB, at most 20 MB.", { param: "messages" });
    expect(error.status).toBe(413);
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      error: {
        message: "30 MB, at most 20 MB.",
        type: "invalid_request_error",
        param: "messages",
        code: "media_too_large",
      },
    });
    expect(new ApiError("internal", "x").toJSON().error.param).toBeNull();
  });

  it("tells when to come back, only where it is known", () => {
    const busy = new ApiError("overloaded", "busy", { retryAfterSeconds: 3 });
    expect(busy.headers).toEqual({ "Retry-After": "3" });
    expect(new ApiError("overloaded", "busy").headers).toEqual({});
  });

  it("can be said of a field, within which an inner field counts", () => {
    const cause = new Error("inner");
    const error = new ApiError("overloaded", "busy", { retryAfterSeconds: 3, cause });
    const outer = error.at("content.0").at("messages.1");
    expect(outer).toMatchObject({ param: "messages.1.content.0", retryAfterSeconds: 3, cause });
    expect(outer.status).toBe(503);
  });
});

describe("toApiError", () => {
  it("keeps an ApiError, and hides any other failure behind its own words", () => {
    const error = new ApiError("not_found", "no such file");
    expect(toApiError(error)).toBe(error);
    const failure = new TypeError("secret of /etc/passwd");
    const hidden = toApiError(failure);
    expect(hidden).toMatchObject({ code: "internal", status: 500, cause: failure });
    expect(JSON.stringify(hidden)).not.toContain("secret");
    expect(toApiError("text")).toMatchObject({ code: "internal", cause: "text" });
  });
});
