import { withUrls } from "@qwen3-vl/shared/chat";
import type { ChatRequest } from "@qwen3-vl/shared/chat";
import { sha256Hex } from "@qwen3-vl/shared/signature";
import { cidUrl, REQUEST_PART } from "@qwen3-vl/shared/worker-protocol";
import type { InlineMedium, WorkerRequest } from "@qwen3-vl/shared/worker-protocol";

import { conversationKey } from "../backends/conversation-key.ts";
import type { LoadedMedium } from "../media/load-media.ts";
import { multipartBody } from "./multipart.ts";
import type { MultipartBody } from "./multipart.ts";

export interface OutgoingRequest extends MultipartBody {
  id: string;
  /** What its conversation is known by. */
  conversation: string;
  /** The part `request`: what the signature covers. */
  signedContent: string;
}

/** A chat completion as the GPU worker takes it: each medium's URL has become a `cid:` of its bytes. */
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
  const media = await Promise.all(loaded.map(describe));
  const cids = new Map(loaded.map(({ url }, index) => [url, cidUrl(mediaName(index))]));
  const body = withCids(request, cids);
  const digests = new Map(loaded.map(({ url }, index) => [url, media[index]?.sha256]));
  const workerRequest: WorkerRequest = { id, tenant, priority, body, media, ...fetching };
  const signedContent = JSON.stringify(workerRequest);
  return {
    id,
    conversation: conversationKey(tenant, request, (url) => digests.get(url) ?? url),
    signedContent,
    ...multipartBody([
      { name: REQUEST_PART, type: "application/json", content: signedContent },
      ...loaded.map(({ type, bytes }, index) => ({
        name: mediaName(index),
        type,
        content: bytes,
      })),
    ]),
  };
}

const mediaName = (index: number) => `media-${index}`;

async function describe({ bytes, type }: LoadedMedium, index: number): Promise<InlineMedium> {
  return {
    name: mediaName(index),
    bytes: bytes.byteLength,
    sha256: await sha256Hex(bytes),
    type,
  };
}

function withCids(request: ChatRequest, urls: ReadonlyMap<string, string>): ChatRequest {
  return {
    ...request,
    messages: request.messages.map((message) =>
      typeof message.content !== "object" || message.content === null
        ? message
        : {
            ...message,
            content: message.content.map((part) =>
              part.type === "text" ? part : withUrls(part, (url) => urls.get(url) ?? url),
            ),
          },
    ),
  };
}
