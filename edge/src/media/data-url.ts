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
  const length = decodedLength(base64);
  accept(length);
  return decodeBase64(base64, length);
}

/** The platform's decoder skips white space and forgives missing padding, and so comes to another length. */
function decodeBase64(base64: string, length: number): Uint8Array<ArrayBuffer> {
  try {
    const bytes = Uint8Array.fromBase64(base64);
    if (base64.length % 4 === 0 && bytes.byteLength === length) {
      return bytes;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) {
      throw error;
    }
  }
  throw invalid(faultOf(base64));
}

/** Of text that is no base64; of 13 MB that are, these patterns alone would take 20 ms. */
function faultOf(text: string): string {
  const wrong = /[^A-Za-z\d+/=]/.exec(text);
  if (wrong === null) {
    return "its padding is wrong";
  }
  const kind = /\s/.test(wrong[0]) ? "white space" : "a character outside base64's alphabet";
  return `${kind} at position ${wrong.index} of the data`;
}

/** Bytes that well-formed base64 stands for. */
function decodedLength(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : Number(base64.endsWith("="));
  return (base64.length / 4) * 3 - padding;
}

function invalid(reason: string): ApiError {
  return new ApiError("invalid_media", `Expected \`data:image/…;base64,…\`, but ${reason}.`);
}
