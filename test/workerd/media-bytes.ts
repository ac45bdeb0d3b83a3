/** Bytes that begin as a picture or a clip does; what follows differs from place to place. */
function bytesWithHead(head: string, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    bytes[i] = (i * 31 + (i >> 8) * 7) & 0xff;
  }
  bytes.set(Uint8Array.from(head, (char) => char.charCodeAt(0)).subarray(0, length));
  return bytes;
}

export const png = (length = 200) => bytesWithHead("\u0089PNG\r\n\u001a\n", length);
export const mp4 = (length = 200) => bytesWithHead("\0\0\0\u0018ftypisom\0\0\0\0isommp42", length);
export const page = () => new Uint8Array(new TextEncoder().encode("<!doctype html>"));

export async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
