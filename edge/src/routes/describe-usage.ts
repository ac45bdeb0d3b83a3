import type { RouteDescription } from "../openapi/route-description.ts";
import { UsageList } from "../usage/usage-list.ts";
import { UsageParameters } from "../usage/usage-query.ts";

export const describeUsage: readonly RouteDescription[] = [
  {
    method: "get",
    path: "/v1/usage",
    id: "getUsage",
    tag: "Usage",
    summary: "Sum what was used",
    notes: "Of all keys of the key's owner, to the token.",
    access: "api_key",
    query: UsageParameters,
    answer: {
      notes: "One page of sums, one for each group.",
      contents: { "application/json": { name: "UsageList", schema: UsageList } },
    },
    errors: ["invalid_request"],
  },
];
