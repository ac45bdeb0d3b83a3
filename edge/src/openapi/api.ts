import { Message, Tool } from "@qwen3-vl/shared/chat-message";
import { ContentPart } from "@qwen3-vl/shared/content-part";

import { KeyLimits, KeyScopes, MediaHosts } from "../keys/key-settings.ts";
import { describeAdminKeys } from "../routes/describe-admin-keys.ts";
import { describeChatCompletions } from "../routes/describe-chat-completions.ts";
import { describeFiles } from "../routes/describe-files.ts";
import { describeMetrics } from "../routes/describe-metrics.ts";
import { describeModels } from "../routes/describe-models.ts";
import { describeService } from "../routes/describe-service.ts";
import { describeUploads } from "../routes/describe-uploads.ts";
import { describeUsage } from "../routes/describe-usage.ts";
import { describeWebhooks } from "../routes/describe-webhooks.ts";
import type { Api } from "./document.ts";

/** All that the API has; a route that is missing here fails a test. */
export const API: Api = {
  title: "Qwen3-VL API",
  version: "1",
  description:
    "Qwen3-VL (pictures, clips, documents, tools, thinking) behind OpenAI's API. OpenAI's own clients work: only base URL and key change.",
  tags: {
    Chat: "Answers to conversations.",
    Models: "What may be asked.",
    Files: "Pictures and clips that are kept, where the deployment has a storage.",
    Uploads: "Large files, sent straight to the storage and resumed.",
    Usage: "What was used.",
    Webhooks: "Events, sent to URLs and signed.",
    Keys: "API keys, for the administrator.",
    Service: "The service itself.",
  },
  parts: [
    { name: "Message", schema: Message },
    { name: "ContentPart", schema: ContentPart },
    { name: "Tool", schema: Tool },
    { name: "KeyScopes", schema: KeyScopes },
    { name: "KeyLimits", schema: KeyLimits },
    { name: "MediaHosts", schema: MediaHosts },
  ],
  routes: [
    ...describeChatCompletions,
    ...describeModels,
    ...describeFiles,
    ...describeUploads,
    ...describeUsage,
    ...describeWebhooks,
    ...describeAdminKeys,
    ...describeService,
    ...describeMetrics,
  ],
};
