/**
 * Uploads a file from the command line. Stop it and start it again: it goes on where it was.
 *
 *     API_KEY=sk-… node examples/upload/main.ts http://127.0.0.1:8787/v1 film.mp4 video/mp4
 */
import { openAsBlob } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";

import { UploadError, uploadFile } from "./upload-file.ts";

const [baseUrl, path, mimeType] = process.argv.slice(2);
const apiKey = process.env["API_KEY"];
if (baseUrl === undefined || path === undefined || mimeType === undefined || apiKey === undefined) {
  process.stderr.write("Usage: API_KEY=sk-… node examples/upload/main.ts BASE_URL FILE TYPE\n");
  process.exit(1);
}

/** The id of the upload that is under way, until it is a file. */
const notePath = `${path}.upload`;
const uploadId = await readFile(notePath, "utf8").catch(() => undefined);

try {
  const file = await uploadFile({
    baseUrl,
    apiKey,
    file: await openAsBlob(path),
    filename: basename(path),
    mimeType,
    ...(uploadId === undefined ? {} : { uploadId }),
    onStart: (id) => void writeFile(notePath, id),
    onProgress: ({ sentBytes, totalBytes }) => {
      process.stderr.write(`${sentBytes} of ${totalBytes} bytes\n`);
    },
  });
  process.stdout.write(`${file.id}\n`);
  await rm(notePath);
} catch (error) {
  if (!(error instanceof UploadError)) {
    throw error;
  }
  process.stderr.write(`${error.status}: ${error.message}\n`);
  process.exitCode = 1;
}
