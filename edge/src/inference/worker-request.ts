import type { ChatRequest } from "@qwen3-vl/shared/chat";
import type { ContentPart } from "@qwen3-vl/shared/chat-message";
import { sha256Hex } from "@qwen3-vl/shared/signature";
import { cidUrl, REQUEST_PART } from "@qwen3-vl/shared/worker-protocol";
import type { InlineMedium, WorkerRequest } from "@qwen3-vl/shared/worker-protocol";

import type { Picture } from "../media/load-pictures.ts";
import { multipartBody } from "./multipart.ts";
import type { MultipartBody } from "./multipart.ts";

export interface OutgoingRequest extends MultipartBody {
  id: string;
  /** The part `request`: what the signature covers. */
  signedContent: string;
}

/** A chat completion as the GPU worker takes it: each picture's URL has become a `cid:` of its bytes. */
export async function toWorkerRequest(
  { id, tenant }: Pick<WorkerRequest, "id" | "tenant">,
  request: ChatRequest,
  pictures: readonly Picture[],
): Promise<OutgoingRequest> {
  const media = await Promise.all(pictures.map(describe));
  const cids = new Map(pictures.map(({ url }, index) => [url, cidUrl(mediaName(index))]));
  const workerRequest: WorkerRequest = { id, tenant, body: withUrls(request, cids), media };
  const signedContent = JSON.stringify(workerRequest);
  return {
    id,
    signedContent,
    ...multipartBody([
      { name: REQUEST_PART, type: "application/json", content: signedContent },
      ...pictures.map(({ type, bytes }, index) => ({
        name: mediaName(index),
        type,
        content: bytes,
      })),
    ]),
  };
}

const mediaName = (index: number) => `media-${index}`;

async function describe({ bytes, type }: Picture, index: number): Promise<InlineMedium> {
  return {
    name: mediaName(index),
    bytes: bytes.byteLength,
    sha256: await sha256Hex(bytes),
    type,
  };
}

function withUrls(request: ChatRequest, urls: ReadonlyMap<string, string>): ChatRequest {
  return {
    ...request,
    messages: request.messages.map((message) =>
      typeof message.content !== "object" || message.content === null
        ? message
        : { ...message, content: message.content.map((part) => withUrl(part, urls)) },
    ),
  };
}

function withUrl(part: ContentPart, urls: ReadonlyMap<string, string>): ContentPart {
  if (part.type !== "image_url") {
    return part;
  }
  const { image_url: image } = part;
  return { ...part, image_url: { ...image, url: urls.get(image.url) ?? image.url } };
}
