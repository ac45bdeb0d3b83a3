import { closeSync, openSync, readSync } from "node:fs";

/** A clip on the disk, too large for memory. */
export interface ClipFile {
  path: string;
  byteLength: number;
  /** SHA-256 of its content. */
  digest: Uint8Array;
}

/** Where a clip is. */
export type ClipBytes = Uint8Array | ClipFile;

/** Reads a clip from wherever it is. */
export interface ClipReader extends Disposable {
  readonly byteLength: number;
  /** The bytes from `position` on, `length` of them or what is left. */
  read: (position: number, length: number) => Buffer;
}

export function openClip(clip: ClipBytes): ClipReader {
  return clip instanceof Uint8Array ? inMemory(clip) : onDisk(clip);
}

function inMemory(bytes: Uint8Array): ClipReader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    byteLength: buffer.length,
    read: (position, length) => buffer.subarray(position, position + length),
    [Symbol.dispose]: () => undefined,
  };
}

/** Opened once: the file may be removed while it is read. */
function onDisk({ path, byteLength }: ClipFile): ClipReader {
  const descriptor = openSync(path, "r");
  return {
    byteLength,
    read: (position, length) => {
      const buffer = Buffer.allocUnsafe(Math.min(length, Math.max(0, byteLength - position)));
      return buffer.subarray(0, readSync(descriptor, buffer, 0, buffer.length, position));
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}
