/** Bodies of calls as the edge makes them. */
import { createHash } from "node:crypto";

export interface Part {
  name: string;
  content: string | Uint8Array;
}

const BOUNDARY = "a-boundary";
export const MULTIPART = `multipart/form-data; boundary=${BOUNDARY}`;

/** Text parts are fields, parts of bytes are files, as the edge sends them. */
export function multipart(parts: readonly Part[], end = `--${BOUNDARY}--\r\n`): Uint8Array {
  const chunks = parts.flatMap(({ name, content }) => {
    const file = typeof content === "string" ? "" : `; filename="${name}"`;
    const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`;
    return [Buffer.from(head), Buffer.from(content), Buffer.from("\r\n")];
  });
  return Buffer.concat([...chunks, Buffer.from(end)]);
}

/** How the part `request` announces a medium. */
export function announced(name: string, bytes: Uint8Array) {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { name, bytes: bytes.length, sha256, type: "image/png" };
}
