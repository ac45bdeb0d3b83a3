import { ApiError } from "@qwen3-vl/shared/errors";

import type { AcceptBytes } from "../http/read-body.ts";

export const isDataUrl = (url: string) => /^data:/i.test(url);

/** Decodes `data:[type];base64,…`; `accept` hears the decoded size before anything is decoded. */
export function decodeDataUrl(url: string, accept: AcceptBytes): Uint8Array<ArrayBuffer> {
  const comma = url.indexOf(",");
  if (comma === -1) {
    throw invalid("a comma before the data is missing");
  }
  if (!/;base64$/i.test(url.slice(0, comma))) {
    throw invalid("`;base64` before the comma is missing");
  }
  const base64 = url.slice(comma + 1);
  assertBase64(base64);
  accept(decodedLength(base64));
  return decodeBase64(base64);
}

/** `atob` alone would skip white space and forgive missing padding. */
function assertBase64(text: string): void {
  const wrong = /[^A-Za-z\d+/=]/.exec(text);
  if (wrong !== null) {
    const kind = /\s/.test(wrong[0]) ? "white space" : "a character outside base64's alphabet";
    throw invalid(`${kind} at position ${wrong.index} of the data`);
  }
  if (text.length % 4 !== 0 || !/^[^=]*={0,2}$/.test(text)) {
    throw invalid("its padding is wrong");
  }
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) {
    bytes[i] = binary.charCodeAt(i);
  }
  return bytes;
}

function decodedLength(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : Number(base64.endsWith("="));
  return (base64.length / 4) * 3 - padding;
}

function invalid(reason: string): ApiError {
  return new ApiError("invalid_media", `Expected \`data:image/…;base64,…\`, but ${reason}.`);
}
