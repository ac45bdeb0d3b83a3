import * as z from "zod";

/** Groups of routes that a key may be limited to. */
export const SCOPE_ROUTES = [
  "chat",
  "models",
  "files",
  "uploads",
  "jobs",
  "webhooks",
  "usage",
] as const;
export type ScopeRoute = (typeof SCOPE_ROUTES)[number];

/** What a key may do; everything where nothing is said. */
export const KeyScopes = z.strictObject({
  routes: z
    .array(z.enum(SCOPE_ROUTES))
    .max(SCOPE_ROUTES.length)
    .optional()
    .describe("Groups of routes; others are refused with 403."),
  models: z
    .array(z.string().min(1).max(256))
    .max(100)
    .optional()
    .describe("Ids of models; others do not exist for the key."),
});
export type KeyScopes = z.infer<typeof KeyScopes>;

/**
 * Whose a key is. It names a tenant and stands in the paths of files, so it begins with a letter or
 * digit, and never as the ids of keys do, each of which is the tenant of a key without an owner.
 */
export const KeyOwner = z
  .string()
  .regex(
    /^(?!key_)[A-Za-z\d][\w.@+:-]{0,127}$/,
    "expected 1 to 128 letters, digits, _ . @ + : or -, and not key_ before them",
  );

const count = (about: string) =>
  z.int().positive().max(Number.MAX_SAFE_INTEGER).optional().describe(about);

/** How much a key may use; as much as it likes where nothing is said. Months are the calendar's, in UTC. */
export const KeyLimits = z.strictObject({
  requests_per_minute: count("most requests a minute"),
  tokens_per_minute: count("most tokens a minute, of prompts and answers"),
  concurrent_requests: count("most requests at once"),
  pixels_per_minute: count("most pixels of pictures a minute, before they are resized"),
  video_seconds_per_minute: count("most seconds of clips a minute"),
  frames_per_minute: count("most frames of clips a minute, as they are sampled"),
  stored_bytes: count("most bytes of files and unfinished uploads"),
  tokens_per_month: count("most tokens a calendar month, in UTC"),
  cost_per_month: z
    .number()
    .positive()
    .max(1e9)
    .optional()
    .describe("most money a calendar month, in the currency of the deployment's prices"),
});
export type KeyLimits = z.infer<typeof KeyLimits>;

/** `example.com`, or `*.example.com` for what is below it. */
const HostPattern = z
  .string()
  .max(255)
  .regex(/^(?:\*\.)?[a-z\d](?:[a-z\d.-]*[a-z\d])?$/, "expected a host, or *. and a host");
const HostPatterns = z.array(HostPattern).max(100);

/** Hosts whose media a key may name in URLs, within what the deployment allows. */
export const MediaHosts = z.strictObject({
  allow: HostPatterns.optional(),
  deny: HostPatterns.optional(),
});
export type MediaHosts = z.infer<typeof MediaHosts>;

/** The operator's own notes on a key. */
export const KeyLabels = z
  .record(z.string().regex(/^[\w.-]{1,64}$/), z.string().max(256))
  .refine((labels) => Object.keys(labels).length <= 16, "expected at most 16 labels");
export type KeyLabels = z.infer<typeof KeyLabels>;
