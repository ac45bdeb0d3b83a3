import { numeric } from "@qwen3-vl/shared/numeric";
import * as z from "zod";

import { KeyLabels, KeyLimits, KeyOwner, KeyScopes, MediaHosts } from "../keys/key-settings.ts";

/** Seconds since 1970, to the end of the year 9999. */
const unixSeconds = z.int().positive().max(253_402_300_799);

const KeyName = z
  .string()
  .regex(/^\P{Cc}{1,100}$/u, "expected 1 to 100 characters, none of control");

/** A key as `/admin/keys` shows it: everything but the key itself. Times are seconds since 1970. */
export const AdminKey = z.object({
  object: z.literal("api_key"),
  id: z.string(),
  name: z.string(),
  redacted_value: z.string().describe("The ends of the key, by which people recognise it."),
  status: z.enum(["active", "expired", "revoked"]),
  owner: z.string().nullable().describe("Keys of one owner share files, caches and usage."),
  labels: KeyLabels,
  scopes: KeyScopes,
  limits: KeyLimits,
  media_hosts: MediaHosts,
  created_at: z.int(),
  expires_at: z.int().nullable(),
  revoked_at: z.int().nullable(),
  previous_expires_at: z
    .int()
    .nullable()
    .describe("Until when the key before the last rotation is taken."),
});
export type AdminKey = z.infer<typeof AdminKey>;

/** Answer of creating and rotating, the only ones that tell a key. */
export const AdminKeyWithValue = AdminKey.extend({
  value: z.string().describe("The key itself; it is never shown again."),
});
export type AdminKeyWithValue = z.infer<typeof AdminKeyWithValue>;

export const AdminKeyList = z.object({
  object: z.literal("list"),
  data: z.array(AdminKey),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});
export type AdminKeyList = z.infer<typeof AdminKeyList>;

/** Body of `POST /admin/keys`. */
export const CreateKey = z.strictObject({
  name: KeyName,
  owner: KeyOwner.nullish(),
  labels: KeyLabels.optional(),
  scopes: KeyScopes.optional(),
  limits: KeyLimits.optional(),
  media_hosts: MediaHosts.optional(),
  expires_at: unixSeconds.nullish(),
});
export type CreateKey = z.infer<typeof CreateKey>;

/** Body of `PATCH /admin/keys/{id}`: each field that is given replaces the old one whole; null takes it away. */
export const ChangeKey = CreateKey.extend({ name: KeyName.optional() });
export type ChangeKey = z.infer<typeof ChangeKey>;

/** A day's work of exchanging a key everywhere, many times over. */
const MAX_OVERLAP_SECONDS = 30 * 86_400;

/** Body of `POST /admin/keys/{id}/rotate`. */
export const RotateKey = z.strictObject({
  overlap_seconds: z
    .int()
    .min(0)
    .max(MAX_OVERLAP_SECONDS)
    .default(0)
    .describe("How long the old key is taken beside the new one."),
});

const MAX_PAGE = 100;

/** Query of `GET /admin/keys`. */
export const ListKeys = z.strictObject({
  after: z.string().max(100).optional().describe("The last id of the page before."),
  limit: numeric(z.int().min(1).max(MAX_PAGE))
    .default(20)
    .describe("Keys of a page, 20 unless set."),
  owner: z.string().max(128).optional().describe("Keys of this owner only."),
  label: z
    .array(z.string().regex(/^[\w.-]{1,64}=/, "expected name=value"))
    .max(16)
    .optional()
    .describe("Keys that have this label, `name=value`; all of them where it is repeated."),
});
export type ListKeys = z.infer<typeof ListKeys>;
