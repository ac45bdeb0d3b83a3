import { describe, expect, it } from "vitest";

import { decodeDataUrl, isDataUrl } from "../../edge/src/media/data-url.ts";

const acceptAll = () => {};

describe("decodeDataUrl", () => {
  it.each([
    ["data:image/png;base64,AAEC", [0, 1, 2]],
    ["DATA:image/png;charset=x;BASE64,//79", [255, 254, 253]],
    ["data:;base64,AA==", [0]],
    ["data:;base64,AAE=", [0, 1]],
    ["data:;base64,", []],
  ])("decodes %s", (url, bytes) => {
    expect(isDataUrl(url)).toBe(true);
    expect([...decodeDataUrl(url, acceptAll)]).toEqual(bytes);
  });

  it.each([
    ["data:image/png;base64", "comma"],
    ["data:image/png,AAEC", ";base64"],
    ["data:image/svg+xml,%3Csvg/%3E", ";base64"],
    ["data:;base64,AA EC", "white space at position 2"],
    ["data:;base64,AAEC\n", "white space at position 4"],
    ["data:;base64,AAE", "padding"],
    ["data:;base64,AA=C", "padding"],
    ["data:;base64,A===", "padding"],
    ["data:;base64,AA-_", "alphabet"],
  ])("refuses %j and says why", (url, reason) => {
    expect(() => decodeDataUrl(url, acceptAll)).toThrow(reason);
  });

  it("asks whether the size is acceptable before it decodes", () => {
    const sizes: number[] = [];
    decodeDataUrl("data:;base64,AAECAw==", (size) => sizes.push(size));
    expect(sizes).toEqual([4]);
  });
});
