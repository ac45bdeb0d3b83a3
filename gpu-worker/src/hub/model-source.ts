import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { resolve } from "node:path";

import { CheckpointError } from "../weights/checkpoint-error.ts";

/** A repository of a Hugging Face hub, at one branch, tag or commit. */
export interface HubReference {
  /** `owner/name`: also what clients call the model. */
  repository: string;
  revision: string;
}

export type ModelSource =
  | { kind: "folder"; folder: string }
  | { kind: "hub"; reference: HubReference };

const DEFAULT_REVISION = "main";

/** The hub's own rule for both parts; it also forbids `--`, which is how cached folders are told apart. */
const REPOSITORY = /^\w(?:[\w.-]*\w)?\/\w(?:[\w.-]*\w)?$/;
const MAX_REPOSITORY_LENGTH = 96;

/** A branch, a tag, `refs/pr/1` or a commit. */
const REVISION = /^\w(?:[\w./+-]{0,62}\w)?$/;

const FORBIDDEN = /--|\.\.|\/\//;

/**
 * Reads `MODEL`: an existing folder, or what can only be a path, is a folder; `owner/name` and
 * `owner/name@revision` are Hugging Face ids.
 *
 * @throws CheckpointError when it is neither
 */
export async function parseModelSource(value: string): Promise<ModelSource> {
  const folder = resolve(value.replace(/^~(?=\/|$)/, homedir()));
  if (/^(\/|\.\.?\/|~)/.test(value) || (await isFolder(folder))) {
    return { kind: "folder", folder };
  }
  const reference = parseHubReference(value);
  if (reference === undefined) {
    throw new CheckpointError(
      `MODEL: ${JSON.stringify(value)} is neither a folder nor a Hugging Face id, expected owner/name or owner/name@revision`,
    );
  }
  return { kind: "hub", reference };
}

function parseHubReference(value: string): HubReference | undefined {
  const at = value.indexOf("@");
  const repository = at === -1 ? value : value.slice(0, at);
  const revision = at === -1 ? DEFAULT_REVISION : value.slice(at + 1);
  const isValid =
    REPOSITORY.test(repository) &&
    repository.length <= MAX_REPOSITORY_LENGTH &&
    REVISION.test(revision) &&
    !FORBIDDEN.test(value);
  return isValid ? { repository, revision } : undefined;
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}
