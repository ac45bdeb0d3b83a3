import type { ErrorCode } from "@qwen3-vl/shared/errors";

import {
  AdminKey,
  AdminKeyList,
  AdminKeyWithValue,
  ChangeKey,
  CreateKey,
  ListKeys,
  RotateKey,
} from "../admin/admin-key.ts";
import type { NamedSchema, RouteDescription } from "../openapi/route-description.ts";

const json = (name: string, schema: NamedSchema["schema"]) => ({
  "application/json": { name, schema },
});
const shared = { tag: "Keys", access: "admin_token" } as const;
const BODY_ERRORS = ["invalid_request", "request_too_large"] satisfies ErrorCode[];
const pathParameters = { id: "The key's id, `key_…`." };

export const describeAdminKeys: readonly RouteDescription[] = [
  {
    ...shared,
    method: "post",
    path: "/admin/keys",
    id: "createKey",
    summary: "Issue a key",
    body: {
      contents: json("CreateKey", CreateKey),
      example: {
        name: "web",
        owner: "acme",
        scopes: { routes: ["chat", "models"] },
        limits: { requests_per_minute: 60 },
      },
    },
    answer: {
      notes: "The key, told this once.",
      contents: json("KeyWithValue", AdminKeyWithValue),
    },
    errors: BODY_ERRORS,
  },
  {
    ...shared,
    method: "get",
    path: "/admin/keys",
    id: "listKeys",
    summary: "List keys, newest first",
    query: ListKeys,
    answer: { notes: "One page of keys.", contents: json("KeyList", AdminKeyList) },
    errors: ["invalid_request"],
  },
  {
    ...shared,
    method: "get",
    path: "/admin/keys/{id}",
    id: "getKey",
    summary: "Show a key",
    pathParameters,
    answer: { notes: "The key, without its value.", contents: json("Key", AdminKey) },
    errors: [],
  },
  {
    ...shared,
    method: "patch",
    path: "/admin/keys/{id}",
    id: "changeKey",
    summary: "Change a key",
    notes:
      "A field that is given replaces the old one whole; `null` takes owner or end away. An end in the past expires the key. What a key does changes everywhere within 30 s.",
    pathParameters,
    body: { contents: json("ChangeKey", ChangeKey) },
    answer: { notes: "The key as it is now.", contents: json("Key", AdminKey) },
    errors: BODY_ERRORS,
  },
  {
    ...shared,
    method: "post",
    path: "/admin/keys/{id}/rotate",
    id: "rotateKey",
    summary: "Give a key a new value",
    notes:
      "The old value is taken for `overlap_seconds` more, and up to 30 s where it was just used; a value from before the last rotation no longer.",
    pathParameters,
    body: { isOptional: true, contents: json("RotateKey", RotateKey) },
    answer: {
      notes: "The key with its new value, told this once.",
      contents: json("KeyWithValue", AdminKeyWithValue),
    },
    errors: [...BODY_ERRORS, "conflict"],
  },
  {
    ...shared,
    method: "post",
    path: "/admin/keys/{id}/revoke",
    id: "revokeKey",
    summary: "Revoke a key",
    notes: "For good, and everywhere within 30 s. Keys are not deleted, for usage is told by key.",
    pathParameters,
    answer: { notes: "The key as it is now.", contents: json("Key", AdminKey) },
    errors: [],
  },
];
