import { withMediaUrls } from "@qwen3-vl/shared/chat";
import type { ChatRequest } from "@qwen3-vl/shared/chat";
import { sha256Hex } from "@qwen3-vl/shared/signature";
import { cidUrl, REQUEST_PART } from "@qwen3-vl/shared/worker-protocol";
import type { InlineMedium, StoredMedium, WorkerRequest } from "@qwen3-vl/shared/worker-protocol";

import { conversationKey } from "../backends/conversation-key.ts";
import type { HeldMedium, LoadedMedium } from "../media/load-media.ts";
import { multipartBody } from "./multipart.ts";
import type { MultipartBody } from "./multipart.ts";

export interface OutgoingRequest extends MultipartBody {
  id: string;
  /** What its conversation is known by. */
  conversation: string;
  /** The part `request`: what the signature covers. */
  signedContent: string;
}

/** A chat completion as the GPU worker takes it: each medium's URL has become a `cid:`. */
export async function toWorkerRequest(
  {
    id,
    tenant,
    priority = "interactive",
    ...fetching
  }: Pick<WorkerRequest, "id" | "tenant"> & Partial<Pick<WorkerRequest, "priority" | "fetch">>,
  request: ChatRequest,
  loaded: readonly LoadedMedium[],
): Promise<OutgoingRequest> {
  const named = loaded.map((medium, index) => ({ medium, name: `media-${index}` }));
  const held = named.flatMap(({ medium, name }) => ("bytes" in medium ? [{ medium, name }] : []));
  const linked = named.flatMap(({ medium, name }) => ("link" in medium ? [{ medium, name }] : []));
  const media = await Promise.all(held.map(describe));
  const stored = linked.map(({ medium, name }): StoredMedium => {
    const { href: url, bytes, sha256, etag, type } = medium.link;
    return { name, url, bytes, sha256, etag, type };
  });
  const cids = new Map(named.map(({ medium, name }) => [medium.url, cidUrl(name)]));
  const body = withMediaUrls(request, (url) => cids.get(url) ?? url);
  const digests = new Map([
    ...held.map(({ medium }, index) => [medium.url, media[index]?.sha256] as const),
    ...linked.map(({ medium }) => [medium.url, medium.link.sha256 ?? medium.link.etag] as const),
  ]);
  const workerRequest: WorkerRequest = { id, tenant, priority, body, media, stored, ...fetching };
  const signedContent = JSON.stringify(workerRequest);
  return {
    id,
    conversation: conversationKey(tenant, request, (url) => digests.get(url) ?? url),
    signedContent,
    ...multipartBody([
      { name: REQUEST_PART, type: "application/json", content: signedContent },
      ...held.map(({ medium: { type, bytes: content }, name }) => ({ name, type, content })),
    ]),
  };
}

async function describe({
  medium: { bytes, type },
  name,
}: {
  medium: HeldMedium;
  name: string;
}): Promise<InlineMedium> {
  return { name, bytes: bytes.byteLength, sha256: await sha256Hex(bytes), type };
}
