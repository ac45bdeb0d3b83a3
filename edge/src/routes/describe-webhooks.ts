import {
  ChangeWebhookEndpoint,
  ListWebhookDeliveries,
  ListWebhookEndpoints,
  NewWebhookEndpoint,
  RotateWebhookSecret,
  WebhookDelivery,
  WebhookDeliveryList,
  WebhookEndpoint,
  WebhookEndpointDeleted,
  WebhookEndpointList,
  WebhookEndpointWithSecret,
} from "@qwen3-vl/shared/webhooks";

import type { NamedSchema, RouteDescription } from "../openapi/route-description.ts";

const json = (name: string, schema: NamedSchema["schema"]) => ({
  "application/json": { name, schema },
});
const shared = { tag: "Webhooks", access: "api_key" } as const;
const ofEndpoint = { id: "The endpoint's id, `we_…`." };
const ofDelivery = { id: "The delivery's id, `evt_…`." };
const endpoint = json("WebhookEndpoint", WebhookEndpoint);
const withSecret = json("WebhookEndpointWithSecret", WebhookEndpointWithSecret);

export const describeWebhooks: readonly RouteDescription[] = [
  {
    ...shared,
    method: "post",
    path: "/v1/webhook_endpoints",
    id: "createWebhookEndpoint",
    summary: "Have events sent to a URL",
    notes:
      "Signed as the Standard Webhooks specification says, tried for three days until the answer is 2xx.",
    body: {
      contents: json("CreateWebhookEndpoint", NewWebhookEndpoint),
      example: { url: "https://hooks.example.com/qwen", payload: "full" },
    },
    answer: { notes: "The endpoint, with its secret this once.", contents: withSecret },
    errors: ["invalid_request", "not_found", "conflict"],
  },
  {
    ...shared,
    method: "get",
    path: "/v1/webhook_endpoints",
    id: "listWebhookEndpoints",
    summary: "List endpoints",
    query: ListWebhookEndpoints,
    answer: {
      notes: "One page of the endpoints of the key's owner.",
      contents: json("WebhookEndpointList", WebhookEndpointList),
    },
    errors: ["invalid_request", "not_found"],
  },
  {
    ...shared,
    method: "get",
    path: "/v1/webhook_endpoints/{id}",
    id: "getWebhookEndpoint",
    summary: "Show an endpoint",
    pathParameters: ofEndpoint,
    answer: { notes: "The endpoint.", contents: endpoint },
    errors: ["not_found"],
  },
  {
    ...shared,
    method: "patch",
    path: "/v1/webhook_endpoints/{id}",
    id: "changeWebhookEndpoint",
    summary: "Change, disable or enable an endpoint",
    pathParameters: ofEndpoint,
    body: { contents: json("ChangeWebhookEndpoint", ChangeWebhookEndpoint) },
    answer: { notes: "The endpoint as it is now.", contents: endpoint },
    errors: ["invalid_request", "not_found"],
  },
  {
    ...shared,
    method: "delete",
    path: "/v1/webhook_endpoints/{id}",
    id: "deleteWebhookEndpoint",
    summary: "Delete an endpoint and its deliveries",
    pathParameters: ofEndpoint,
    answer: {
      notes: "It is deleted.",
      contents: json("WebhookEndpointDeleted", WebhookEndpointDeleted),
    },
    errors: ["not_found"],
  },
  {
    ...shared,
    method: "post",
    path: "/v1/webhook_endpoints/{id}/rotate_secret",
    id: "rotateWebhookSecret",
    summary: "Give an endpoint another secret",
    notes: "Both sign for a while, so that a receiver can change over without losing an event.",
    pathParameters: ofEndpoint,
    body: { isOptional: true, contents: json("RotateWebhookSecret", RotateWebhookSecret) },
    answer: { notes: "The endpoint, with its new secret this once.", contents: withSecret },
    errors: ["invalid_request", "not_found"],
  },
  {
    ...shared,
    method: "post",
    path: "/v1/webhook_endpoints/{id}/test",
    id: "testWebhookEndpoint",
    summary: "Send a test event",
    notes: "Of the type `webhook.test`, whatever the endpoint's filter.",
    pathParameters: ofEndpoint,
    answer: {
      notes: "The delivery, before it is sent.",
      contents: json("WebhookDelivery", WebhookDelivery),
    },
    errors: ["not_found", "conflict"],
  },
  {
    ...shared,
    method: "get",
    path: "/v1/webhook_deliveries",
    id: "listWebhookDeliveries",
    summary: "List deliveries",
    notes: "With each attempt; they are kept for 30 days.",
    query: ListWebhookDeliveries,
    answer: {
      notes: "One page of the deliveries to endpoints of the key's owner.",
      contents: json("WebhookDeliveryList", WebhookDeliveryList),
    },
    errors: ["invalid_request", "not_found"],
  },
  {
    ...shared,
    method: "get",
    path: "/v1/webhook_deliveries/{id}",
    id: "getWebhookDelivery",
    summary: "Show a delivery",
    pathParameters: ofDelivery,
    answer: {
      notes: "The delivery, with each attempt.",
      contents: json("WebhookDelivery", WebhookDelivery),
    },
    errors: ["not_found"],
  },
  {
    ...shared,
    method: "post",
    path: "/v1/webhook_deliveries/{id}/redeliver",
    id: "redeliverWebhook",
    summary: "Send a delivery again",
    notes: "Now, with the same `webhook-id` and body, whatever has become of it.",
    pathParameters: ofDelivery,
    answer: {
      notes: "The delivery, before it is sent.",
      contents: json("WebhookDelivery", WebhookDelivery),
    },
    errors: ["not_found", "conflict"],
  },
];
