import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";

import * as z from "zod";

import { CheckpointError } from "../weights/checkpoint-error.ts";

/** A file of a repository, by what its content must be. */
export interface RemoteFile {
  name: string;
  bytes: number;
  checksum: Checksum;
}

interface Checksum {
  /** Large files have SHA-256; the others Git's own name for their content. */
  kind: "sha256" | "git";
  hex: string;
}

/** What `openCheckpoint` reads besides the weights. */
const TEXT_FILES = {
  "config.json": "required",
  "preprocessor_config.json": "required",
  "video_preprocessor_config.json": "required",
  "tokenizer.json": "required",
  "tokenizer_config.json": "required",
  "chat_template.jinja": "optional",
  "chat_template.json": "optional",
  "generation_config.json": "optional",
  "model.safetensors.index.json": "optional",
} as const;

/** The largest published one, tokenizer.json, has 11 MB. */
const MAX_TEXT_BYTES = 64 * 2 ** 20;

/** The hub itself takes no file above 50 GB. */
const MAX_WEIGHT_BYTES = 64 * 2 ** 30;

/** The 235B checkpoint has 471 GB in bf16. */
const MAX_TOTAL_BYTES = 2 * 2 ** 40;

/** Plain names: nothing that leads out of the folder, is hidden, or has another meaning somewhere. */
const PLAIN_NAME = /^\w[\w.-]{0,199}$/;

const gitName = z.string().regex(/^[0-9a-f]{40}$/);
const size = z.int().nonnegative();

const Entry = z.object({
  type: z.string(),
  path: z.string(),
  size,
  oid: gitName,
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size }).optional(),
});

/** The files that lie at the top of a repository under plain names, as the hub lists them. */
export function parseListing(entries: readonly unknown[]): RemoteFile[] {
  return entries
    .map((entry) => Entry.parse(entry))
    .filter(({ type, path }) => type === "file" && PLAIN_NAME.test(path))
    .map(({ path, size: bytes, oid, lfs }) =>
      lfs === undefined
        ? { name: path, bytes, checksum: { kind: "git", hex: oid } }
        : { name: path, bytes: lfs.size, checksum: { kind: "sha256", hex: lfs.oid } },
    );
}

/** @throws CheckpointError when one is missing that every checkpoint has, or is too large */
export function textFiles(listing: readonly RemoteFile[]): RemoteFile[] {
  const files = Object.entries(TEXT_FILES).flatMap(([name, need]) =>
    need === "optional" && !isListed(listing, name) ? [] : [listedFile(listing, name)],
  );
  assertSizes(files, MAX_TEXT_BYTES);
  return files;
}

/** @throws CheckpointError when one is missing or too large */
export function weightFiles(
  listing: readonly RemoteFile[],
  names: readonly string[],
): RemoteFile[] {
  const files = names.map((name) => listedFile(listing, name));
  assertSizes(files, MAX_WEIGHT_BYTES);
  assertDistinct(files);
  const total = totalBytes(files);
  if (total > MAX_TOTAL_BYTES) {
    throw new CheckpointError(`${total} bytes of weights, at most ${MAX_TOTAL_BYTES} allowed`);
  }
  return files;
}

export function totalBytes(files: readonly RemoteFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The hash whose digest is the file's checksum when all its bytes have gone in. */
export function hashOf({ bytes, checksum }: RemoteFile): Hash {
  return checksum.kind === "sha256"
    ? createHash("sha256")
    : createHash("sha1").update(`blob ${bytes}\0`);
}

function isListed(listing: readonly RemoteFile[], name: string): boolean {
  return listing.some((file) => file.name === name);
}

function listedFile(listing: readonly RemoteFile[], name: string): RemoteFile {
  const [file, ...others] = listing.filter((candidate) => candidate.name === name);
  if (file === undefined) {
    throw new CheckpointError(`${name} is missing`);
  }
  if (others.length > 0) {
    throw new CheckpointError(`${name} is listed twice`);
  }
  return file;
}

function assertSizes(files: readonly RemoteFile[], maximum: number): void {
  for (const { name, bytes } of files) {
    if (bytes > maximum) {
      throw new CheckpointError(`${name} has ${bytes} bytes, at most ${maximum} allowed`);
    }
  }
}

/** On a disk that ignores case, the second would overwrite the first. */
function assertDistinct(files: readonly RemoteFile[]): void {
  const seen = new Map<string, string>();
  for (const { name } of files) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined) {
      throw new CheckpointError(`${other} and ${name} differ in case only`);
    }
    seen.set(name.toLowerCase(), name);
  }
}
