import type { ErrorCode } from "@qwen3-vl/shared/errors";
import type * as z from "zod";

/** A schema that has a name of its own in the document, which others refer to. */
export interface NamedSchema {
  name: string;
  schema: z.ZodType;
}

/** What a body or an answer holds: JSON of a schema, text, or bytes. */
export type Content = NamedSchema | "text" | "binary";

/** What `/openapi.json` and `/docs` say of one method of one route; stands beside the route. */
export interface RouteDescription {
  method: "get" | "post" | "put" | "patch" | "delete";
  /** As OpenAPI writes it: `/v1/models/{id}`. */
  path: string;
  /** Unique; what generated clients call their function. */
  id: string;
  tag: string;
  /** A few words. */
  summary: string;
  /** Sentences. */
  notes?: string;
  /** Who may call it; what a key or the token is refused with is added to `errors`. */
  access: "public" | "api_key" | "admin_token";
  /** What each `{name}` of the path is. */
  pathParameters?: Readonly<Record<string, string>>;
  query?: z.ZodObject;
  /** Headers of the request beside those that every one has, by name. */
  headers?: Readonly<Record<string, string>>;
  /** By media type. */
  body?: {
    isOptional?: boolean;
    contents: Readonly<Record<string, Content>>;
    /** A JSON body to copy. */
    example?: unknown;
  };
  answer: {
    status?: number;
    notes: string;
    contents: Readonly<Record<string, Content>>;
    /** Headers beside those that every answer has, and what each tells. */
    headers?: Readonly<Record<string, string>>;
  };
  errors: readonly ErrorCode[];
}
