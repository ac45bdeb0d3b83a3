import type { IncomingMessage, ServerResponse } from "node:http";

import { parseChatRequest } from "@qwen3-vl/shared/chat";
import { SegmentsRequest } from "@qwen3-vl/shared/worker-jobs";

import { Admission } from "../engine/admission.ts";
import { abortWhenClosed } from "./abort-when-closed.ts";
import { closedByClient } from "./answer-writer.ts";
import type { ChatService } from "./chat-service.ts";
import type { Completions } from "./completions.ts";
import { readSignedJson } from "./read-signed-json.ts";
import { LiveRequest } from "./request-registry.ts";
import { sendJson } from "./send-json.ts";

export interface SegmentsOptions {
  service: ChatService;
  completions: Completions;
  /** @throws ApiError unless the call with this content was signed */
  verify: (incoming: IncomingMessage, content: string) => Promise<void>;
}

/** Clips that are looked at together, of which each is fetched whole: beside the requests that are answered. */
const MAX_PLANNED = 4;

/** `POST /v1/segments` of the worker protocol. */
export class Segments {
  readonly #options: SegmentsOptions;
  readonly #admission = new Admission(MAX_PLANNED);

  constructor(options: SegmentsOptions) {
    this.#options = options;
  }

  async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { service, completions, verify } = this.#options;
    const { value: workerRequest } = await readSignedJson(incoming, SegmentsRequest, { verify });
    using places = new DisposableStack();
    places.use(this.#admission.enter());
    const live = new LiveRequest(workerRequest.id); // nobody asks after it: it counts nothing
    abortWhenClosed(live, response);
    const ungathered = { workerRequest, inBody: new Map<string, Uint8Array>(), live };
    try {
      await completions.gather(
        ungathered,
        async ({ workerRequest: { tenant, priority, body }, media }) => {
          const context = { tenant, priority, parts: media, signal: live.signal };
          sendJson(response, 200, await service.segments(parseChatRequest(body), context));
        },
      );
    } catch (error) {
      throw live.signal.aborted ? closedByClient(error) : error;
    }
  }
}
