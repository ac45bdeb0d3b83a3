import { CheckpointError } from "../weights/checkpoint-error.ts";
import type { HubClient } from "./hub-client.ts";
import { ConnectionError, HubAnswerError, HubFormatError } from "./hub-error.ts";
import type { HubReference } from "./model-source.ts";

type Hub = Pick<HubClient, "endpoint" | "hasToken">;

const DISK_FULL: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

/** What went wrong, as one line for who started the worker; a fault of our own stays as it is. */
export function toFetchFailure(error: unknown, reference: HubReference, hub: Hub): unknown {
  const message = describe(error, reference, hub);
  return message === undefined
    ? error
    : new CheckpointError(`${reference.repository}: ${message}`, { cause: error });
}

function describe(error: unknown, reference: HubReference, hub: Hub): string | undefined {
  if (error instanceof HubAnswerError) {
    return error.isFromHub ? describeRefusal(error, reference, hub) : error.message;
  }
  if (error instanceof ConnectionError) {
    return `cannot be fetched from ${hub.endpoint}: ${error.message}`;
  }
  if (error instanceof HubFormatError) {
    return `${hub.endpoint} does not answer as a Hugging Face hub: ${error.message}`;
  }
  if (error instanceof CheckpointError) {
    return error.message;
  }
  if (error instanceof Error && "syscall" in error && "code" in error) {
    return DISK_FULL.has(error.code) ? `the disk is full: ${error.message}` : error.message;
  }
  return undefined;
}

/** For a model that a client may not see, the hub answers as for one that does not exist: 401. */
function describeRefusal(
  { status, code }: HubAnswerError,
  { repository, revision }: HubReference,
  { endpoint, hasToken }: Hub,
): string {
  const mend = hasToken ? "the access of HF_TOKEN does not reach it" : "HF_TOKEN is not set";
  if (code === "GatedRepo") {
    return `is gated: accept its terms at ${endpoint}/${repository}; ${mend}`;
  }
  if (code === "RevisionNotFound") {
    return `${endpoint} has no revision ${revision} of it`;
  }
  if (status === 404) {
    return `no such folder here, and no such model at ${endpoint}`;
  }
  if (status === 401 || status === 403) {
    return `does not exist at ${endpoint}, or is not public: ${mend}`;
  }
  return `${endpoint} answered ${status}`;
}
