import { FETCH_LIMITS } from "@qwen3-vl/shared/fetch-limits";
import type { FetchLimits } from "@qwen3-vl/shared/fetch-limits";
import { MAX_INLINE_MEDIA_BYTES } from "@qwen3-vl/shared/limits";
import { mediumTooLarge } from "@qwen3-vl/shared/media-errors";
import { beforeAll, describe, expect, inject, it } from "vitest";

import { acceptUpTo } from "../../edge/src/http/read-body.ts";
import { fetchMedium } from "../../edge/src/media/fetch-medium.ts";
import {
  callsOf,
  chatWithPictures,
  createApiKey,
  failureOf,
  post,
  timesAsked,
} from "./edge-client.ts";

beforeAll(() => createApiKey());

const PNG = "data:image/png;base64,iVBORw0KGgoAAAA=";
const origin = (path: string) => `${inject("pictureServerUrl")}${path}`;

describe("a picture", () => {
  it("travels to the GPU worker as signed bytes, each distinct URL once", async () => {
    const path = "/good.png?once";
    const answer = await post(chatWithPictures("pictures", [PNG, origin(path), PNG, origin(path)]));
    expect(answer.status).toBe(200);
    const [call] = await callsOf("pictures");
    expect(call?.media).toEqual([
      { name: "media-0", type: "image/png", bytes: 11, sha256: expect.any(String) },
      { name: "media-1", type: "image/png", bytes: 108, sha256: expect.any(String) },
    ]);
    expect(call?.body.messages[0]?.content).toMatchObject([
      { type: "text" },
      ...["cid:media-0", "cid:media-1", "cid:media-0", "cid:media-1"].map((url) => ({
        image_url: { url },
      })),
    ]);
    expect(await timesAsked(path)).toBe(1);
  });

  it.each(["/to/good", "/hops/5", "/typed-as-html.png"])("is fetched from %s", async (path) => {
    const answer = await post(chatWithPictures(`fetched ${path}`, [origin(path)]));
    expect(answer.status).toBe(200);
    expect(await callsOf(`fetched ${path}`)).toMatchObject([{ media: [{ type: "image/png" }] }]);
  });

  it.each([
    // the origin's answers
    [origin("/page.png"), 400, "invalid_media"],
    [origin("/picture.svg"), 400, "invalid_media"],
    [origin("/empty.png"), 400, "invalid_media"],
    [origin("/missing.png"), 422, "media_unreachable"],
    [origin("/partial.png"), 422, "media_unreachable"],
    [origin("/not-modified.png"), 422, "media_unreachable"],
    [origin("/shorter-than-announced.png"), 422, "media_unreachable"],
    [origin("/announced-too-long.png"), 413, "media_too_large"],
    [origin("/endless.png"), 413, "media_too_large"],
    // redirects
    [origin("/to/metadata"), 422, "media_unreachable"],
    [origin("/to/private"), 422, "media_unreachable"],
    [origin("/to/file"), 422, "media_unreachable"],
    [origin("/to/nowhere"), 422, "media_unreachable"],
    [origin("/to/itself"), 422, "media_unreachable"],
    [origin("/hops/6"), 422, "media_unreachable"],
    // the URL
    ["https://169.254.169.254/latest", 400, "invalid_request"],
    ["https://2130706433/", 400, "invalid_request"],
    ["http://example.com/a.png", 400, "invalid_request"],
    ["file:///etc/passwd", 400, "invalid_request"],
    ["picture.png", 400, "invalid_request"],
    ["file-abc123", 404, "not_found"],
    ["cid:media-0", 400, "invalid_request"],
    // data: URLs
    ["data:image/png;base64", 400, "invalid_media"],
    ["data:image/png,AAAA", 400, "invalid_media"],
    ["data:image/png;base64,AA AA", 400, "invalid_media"],
    ["data:image/png;base64,AAA", 400, "invalid_media"],
    ["data:image/png;base64,", 400, "invalid_media"],
    ["data:image/png;base64,PHN2Zy8+", 400, "invalid_media"],
    ["data:text/html;base64,PGh0bWw+", 400, "invalid_media"],
  ])("from %s is refused with %i %s at its part", async (url, status, code) => {
    const prompt = `refused ${url}`;
    const failure = await failureOf(await post(chatWithPictures(prompt, [PNG, url])));
    expect(failure).toMatchObject({ status, code, param: "messages.0.content.2.image_url.url" });
    expect(failure.message).not.toMatch(/127\.0\.0\.1|169\.254|10\.0\.0\.1|passwd/);
    expect(await callsOf(prompt)).toEqual([]);
  });

  it("whose server does not listen is unreachable, and the message says no more", async () => {
    const url = `http://127.0.0.1:${inject("closedPort")}/a.png`;
    const failure = await failureOf(await post(chatWithPictures("closed", [url])));
    expect(failure).toMatchObject({ status: 422, code: "media_unreachable" });
    expect(failure.message).toBe(
      "The URL cannot be fetched: its server could not be reached or broke off.",
    );
  });

  it("that makes all of them together too large is refused", async () => {
    const urls = ["/17-mib.png?1", "/17-mib.png?2"].map(origin);
    const failure = await failureOf(await post(chatWithPictures("together", urls)));
    expect(failure).toMatchObject({ status: 413, code: "media_too_large" });
    expect(failure.message).toContain(`together larger than ${MAX_INLINE_MEDIA_BYTES} bytes`);
  });
});

describe("fetchMedium", () => {
  const limits = { ...FETCH_LIMITS, headersMs: 300, stallMs: 300, totalMs: 2000 };
  const fetchWith = (path: string, own: Partial<FetchLimits> = {}) =>
    fetchMedium(origin(path), {
      maxBytes: 1000,
      policy: { allowHttpLoopback: true, hosts: [] },
      limits: { ...limits, ...own },
      accept: acceptUpTo(1000, () => mediumTooLarge(1000)),
      signal: AbortSignal.timeout(20_000),
    });

  it.each([
    ["/no-headers.png", {}, "the headers within 0.3 s"],
    ["/stalls.png", {}, "the next bytes within 0.3 s"],
    ["/drips.png", { totalMs: 500 }, "everything within 0.5 s"],
  ])("gives up on %s", async (path, own, reason) => {
    await expect(fetchWith(path, own)).rejects.toThrow(reason);
  });

  it("stops reading at the first byte that is not accepted", async () => {
    await expect(fetchWith("/endless.png")).rejects.toThrow("larger than 1000 bytes");
  });

  it("without the development flag fetches nothing from this machine", async () => {
    const path = "/good.png?production";
    const fetched = fetchMedium(origin(path), {
      maxBytes: 1000,
      policy: { allowHttpLoopback: false, hosts: [] },
      limits,
      accept: () => {},
      signal: AbortSignal.timeout(20_000),
    });
    await expect(fetched).rejects.toThrow("refused");
    expect(await timesAsked(path)).toBe(0);
  });
});
