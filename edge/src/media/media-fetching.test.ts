import type { LocatedUrl } from "@qwen3-vl/shared/chat";
import { describe, expect, it } from "vitest";

import { mediaFetchingOf, shareOutUrls } from "./media-fetching.ts";

describe("mediaFetchingOf", () => {
  it("joins the deployment's lists, the key's, and the bucket", () => {
    const env = {
      MEDIA_ALLOW_HOSTS: "*.example.com",
      MEDIA_DENY_HOSTS: "bad.example.com",
      S3_ENDPOINT: "https://s3.example.com",
      S3_BUCKET: "media",
    };
    expect(mediaFetchingOf(env, { allow: ["cdn.example.com"] })).toEqual({
      fetchIn: "edge",
      policy: {
        allowHttpLoopback: false,
        hosts: [
          { allow: ["*.example.com"], deny: ["bad.example.com"] },
          { allow: ["cdn.example.com"] },
        ],
        ownBucket: { endpoint: "https://s3.example.com", bucket: "media" },
      },
    });
  });

  it("without variables permits every public host, and the edge fetches", () => {
    expect(mediaFetchingOf({}, {})).toEqual({
      fetchIn: "edge",
      policy: { allowHttpLoopback: false, hosts: [{}, {}] },
    });
  });

  it.each([
    [{ FETCH_IN: "nowhere" }, "FETCH_IN=nowhere: expected edge or worker"],
    [{ MEDIA_DENY_HOSTS: "https://example.com" }, "is not a host"],
  ])("fetches nothing by %j", (env, message) => {
    expect(() => mediaFetchingOf(env, {})).toThrow(message);
  });
});

const located = (url: string, index: number): LocatedUrl => ({
  url,
  kind: "image",
  path: `messages.0.content.${index}.image_url.url`,
});

describe("shareOutUrls", () => {
  const urls = ["data:image/png;base64,AA==", "https://example.com/a.png", "file-1"].map(located);
  const inWorker = mediaFetchingOf({ FETCH_IN: "worker" }, {});

  it("leaves everything here unless the worker fetches", () => {
    expect(shareOutUrls(urls, mediaFetchingOf({}, {}))).toEqual({ here: urls, there: {} });
  });

  it("leaves to the worker what has to be fetched, with the policy", () => {
    const { here, there } = shareOutUrls(urls, inWorker);
    expect(here.map(({ url }) => url)).toEqual(["data:image/png;base64,AA==", "file-1"]);
    expect(there).toEqual({ fetch: inWorker.policy });
  });

  it("gives the worker no permission that it does not need", () => {
    expect(shareOutUrls(urls.slice(0, 1), inWorker).there).toEqual({});
  });

  it("refuses here already what is refused by its spelling", () => {
    const bad = [...urls, located("https://10.0.0.1/", 3)];
    expect(() => shareOutUrls(bad, inWorker)).toThrow(
      expect.objectContaining({ code: "invalid_request", param: bad[3]?.path }),
    );
  });
});
