import { deleteFileRow, expiredFiles } from "../files/files-table.ts";
import { deleteObject } from "../storage/objects.ts";
import { removeBytes } from "./finish-upload.ts";
import type { UploadStore } from "./start-upload.ts";
import { deleteUploadRow, expiredUploads, keysWithFile } from "./uploads-table.ts";

/** Rows looked at together, and how often: a run of the Worker may make some thousand calls. */
const BATCH = 100;
const MAX_BATCHES = 5;

export interface Swept {
  files: number;
  uploads: number;
}

/**
 * Removes files whose time is over, and the bytes of uploads that were not completed in theirs. Bytes
 * go before their row, so that what fails is tried again.
 */
export async function sweep(store: UploadStore, now: number): Promise<Swept> {
  const swept: Swept = { files: 0, uploads: 0 };
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const files = await sweepFiles(store, now);
    const uploads = await sweepUploads(store, now);
    swept.files += files;
    swept.uploads += uploads;
    if (files < BATCH && uploads < BATCH) {
      break;
    }
  }
  return swept;
}

async function sweepFiles({ db, s3 }: UploadStore, now: number): Promise<number> {
  const files = await expiredFiles(db, now, BATCH);
  for (const { id, objectKey } of files) {
    await deleteObject(s3, objectKey);
    await deleteFileRow(db, id);
  }
  return files.length;
}

/** Of an upload whose file was deleted, a URL that was still good may have brought the bytes back. */
async function sweepUploads({ db, s3 }: UploadStore, now: number): Promise<number> {
  const uploads = await expiredUploads(db, now, BATCH);
  const kept = await keysWithFile(
    db,
    uploads.map((upload) => upload.objectKey),
  );
  for (const upload of uploads) {
    if (!kept.has(upload.objectKey)) {
      await removeBytes(s3, upload);
    }
    await deleteUploadRow(db, upload.id);
  }
  return uploads.length;
}
