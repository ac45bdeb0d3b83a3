import { stat } from "node:fs/promises";
import { join } from "node:path";

import type { FetchProgress } from "./fetch-progress.ts";
import type { HubClient } from "./hub-client.ts";
import { ConnectionError } from "./hub-error.ts";
import { PartFile } from "./part-file.ts";
import type { RemoteFile } from "./remote-files.ts";
import { withRetries } from "./retry.ts";
import type { RetryOptions } from "./retry.ts";
import { MAX_SILENCE_MS, Watchdog } from "./watchdog.ts";

export interface DownloadSource {
  client: HubClient;
  /** Address of the folder that has the file at one commit. */
  address: string;
}

export interface DownloadOptions extends Pick<RetryOptions, "sleep" | "onRetry"> {
  progress: FetchProgress;
  signal: AbortSignal;
}

/**
 * Fetches one file into a folder, from where an earlier attempt or start has left off. A file that
 * lies there under its own name has been verified.
 */
export async function downloadFile(
  file: RemoteFile,
  folder: string,
  source: DownloadSource,
  options: DownloadOptions,
): Promise<void> {
  const { progress } = options;
  const path = join(folder, file.name);
  if ((await sizeOf(path)) === file.bytes) {
    progress.keep(file.bytes);
    return;
  }
  await using part = await PartFile.open(file, partPath(path));
  progress.keep(part.length);
  const address = `${source.address}/${encodeURIComponent(file.name)}`;
  await withRetries(() => appendRest(part, { ...source, address }, options), {
    ...options,
    bytesDone: () => part.length,
  });
  await part.finish(path);
}

/** Bytes of a file that need not be fetched again. */
export async function keptBytes(file: RemoteFile, folder: string): Promise<number> {
  const path = join(folder, file.name);
  return Math.min((await sizeOf(path)) ?? (await sizeOf(partPath(path))) ?? 0, file.bytes);
}

function partPath(path: string): string {
  return `${path}.part`;
}

/** What a file must be is known by its checksum, so a range needs no `If-Range`: a wrong part fails at the end. */
async function appendRest(
  part: PartFile,
  { client, address }: DownloadSource,
  { progress, signal }: DownloadOptions,
): Promise<void> {
  if (part.isWhole) {
    return;
  }
  using watchdog = new Watchdog(MAX_SILENCE_MS);
  const headers = new Headers({ "accept-encoding": "identity" }); // a range counts bytes as stored
  if (part.length > 0) {
    headers.set("range", `bytes=${part.length}-`);
  }
  const whileAlive = AbortSignal.any([signal, watchdog.signal]);
  const response = await client.get(address, { headers, signal: whileAlive });
  if (part.length > 0 && !continues(response, part.length)) {
    progress.discard(part.length);
    await part.restart();
  }
  for await (const chunk of chunksOf(response, whileAlive)) {
    watchdog.feed();
    await part.append(chunk);
    progress.receive(chunk.length);
  }
  if (!part.isWhole) {
    throw new ConnectionError("the connection ended early");
  }
}

/** A server may ignore the range and send all of it. */
function continues({ status, headers }: Response, start: number): boolean {
  return status === 206 && headers.get("content-range")?.startsWith(`bytes ${start}-`) === true;
}

/** Ends with the reason of the signal, or with a `ConnectionError`; faults of the reader pass by. */
async function* chunksOf({ body }: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  try {
    for (;;) {
      const next = await reader?.read().catch((error: unknown) => {
        throw signal.aborted ? signal.reason : ConnectionError.from(error);
      });
      if (next?.value === undefined) {
        return;
      }
      yield next.value;
    }
  } finally {
    await reader?.cancel().catch(() => undefined); // also when the disk is full: nothing more is read
  }
}

function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
