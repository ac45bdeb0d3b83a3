import { ApiError } from "@qwen3-vl/shared/errors";
import type { ErrorCode } from "@qwen3-vl/shared/errors";

import { RATE_LIMIT_HEADERS } from "../limits/rate-limit-headers.ts";
import { componentSchemas, schemaReference } from "./component-schemas.ts";
import type { JsonSchema } from "./component-schemas.ts";
import { ErrorBody } from "./error-body.ts";
import { parametersOf } from "./parameters.ts";
import type { Parameter } from "./parameters.ts";
import type { Content, NamedSchema, RouteDescription } from "./route-description.ts";

interface MediaType {
  schema: JsonSchema;
  example?: unknown;
}

type Header = { $ref: string } | { description: string; schema: JsonSchema };

interface Answer {
  description: string;
  headers: Record<string, Header>;
  content?: Record<string, MediaType>;
}

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  security: Record<string, string[]>[];
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Record<string, MediaType> };
  responses: Record<string, Answer>;
}

/** OpenAPI 3.1, as much of it as this API needs. */
export interface OpenApiDocument {
  openapi: "3.1.0";
  info: Record<string, unknown> & { title: string; description: string; version: string };
  servers: { url: string; description: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema> } & Record<string, unknown>;
}

export interface Api {
  title: string;
  version: string;
  description: string;
  /** What each tag of the descriptions stands for, in the order in which they are shown. */
  tags: Readonly<Record<string, string>>;
  /** Parts of what is sent that have names of their own, for they are large or come often. */
  parts: readonly NamedSchema[];
  routes: readonly RouteDescription[];
}

/** @throws Error when a route's tag is not described, or a name stands for two schemas */
export function openApiDocument({ routes, parts, tags, ...about }: Api): OpenApiDocument {
  const untold = routes.find(({ tag }) => !Object.hasOwn(tags, tag));
  if (untold !== undefined) {
    throw new Error(`the tag ${untold.tag} of ${untold.id} is not described`);
  }
  const paths: OpenApiDocument["paths"] = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operation(route) };
  }
  const sent = componentSchemas([...routes.flatMap(sentSchemas), ...parts], "input");
  const got = componentSchemas([ERROR, ...routes.flatMap(answeredSchemas)], "output");
  const twice = Object.keys(sent).find((name) => Object.hasOwn(got, name));
  if (twice !== undefined) {
    throw new Error(`${twice} is the name of what is sent and of what is answered`);
  }
  return {
    openapi: "3.1.0",
    info: {
      ...about,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "The host that answered with this document." }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: { ...sent, ...got },
      headers: toHeaders({ ...EACH_HEADERS, ...RATE_LIMIT_HEADERS }),
      securitySchemes: {
        api_key: { type: "http", scheme: "bearer", description: "An API key, `sk-…`." },
        admin_token: { type: "http", scheme: "bearer", description: "The administrator's token." },
      },
    },
  };
}

/** On each answer. */
const EACH_HEADERS = {
  "X-Request-Id": "The request's id: the client's own if it sent one, else a new one.",
};

const ERROR: NamedSchema = { name: "Error", schema: ErrorBody };

const sentSchemas = ({ body }: RouteDescription) =>
  Object.values(body?.contents ?? {}).filter((content) => typeof content !== "string");

const answeredSchemas = ({ answer }: RouteDescription) =>
  Object.values(answer.contents).filter((content) => typeof content !== "string");

function operation(route: RouteDescription): Operation {
  const { id, tag, summary, notes, access, body, answer } = route;
  const parameters = parametersOf(route);
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(notes === undefined ? {} : { description: notes }),
    security: access === "public" ? [] : [{ [access]: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.isOptional !== true,
            content: mediaTypes(body.contents, body.example),
          },
        }),
    responses: {
      [answer.status ?? 200]: toAnswer(answer.notes, mediaTypes(answer.contents), {
        ...(access === "api_key" ? LIMITS_TOLD : {}),
        ...toHeaders(answer.headers ?? {}),
      }),
      ...failures(route),
    },
  };
}

/** What a route of each kind may be refused with whatever else it does. */
const ERRORS_OF_ACCESS: Readonly<Record<RouteDescription["access"], readonly ErrorCode[]>> = {
  public: [],
  api_key: ["invalid_api_key", "permission_denied"],
  admin_token: ["invalid_api_key", "not_found"],
};

/** One answer for each status, with the codes that it may have. */
function failures({ access, errors }: RouteDescription): Record<string, Answer> {
  const codes = new Set([...ERRORS_OF_ACCESS[access], ...errors, "internal" as const]);
  const byStatus = Object.groupBy(codes, (code) => String(new ApiError(code, "").status));
  const content = mediaTypes({ "application/json": ERROR });
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, its = []]) => [
      status,
      toAnswer(its.map((code) => `\`${code}\``).join(", "), content, HEADERS_OF_STATUS[status]),
    ]),
  );
}

const RETRY_AFTER = toHeaders({ "Retry-After": "Seconds after which to try again." });

/** On each answer to a key with limits. */
const LIMITS_TOLD = referencesTo(RATE_LIMIT_HEADERS);

const HEADERS_OF_STATUS: Readonly<Record<string, Record<string, Header>>> = {
  "401": toHeaders({ "WWW-Authenticate": "Bearer, and what is wrong with the token." }),
  "429": { ...RETRY_AFTER, ...LIMITS_TOLD },
  "503": RETRY_AFTER,
};

function toHeaders(names: Readonly<Record<string, string>>): Record<string, Header> {
  return Object.fromEntries(
    Object.entries(names).map(([name, description]) => [
      name,
      { description, schema: { type: "string" } },
    ]),
  );
}

/** To headers that the document has in one place for all answers. */
function referencesTo(names: Readonly<Record<string, string>>): Record<string, Header> {
  return Object.fromEntries(
    Object.keys(names).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
}

function toAnswer(
  description: string,
  content: Record<string, MediaType>,
  headers: Record<string, Header> = {},
): Answer {
  return {
    description,
    headers: { ...referencesTo(EACH_HEADERS), ...headers },
    ...(Object.keys(content).length === 0 ? {} : { content }),
  };
}

function mediaTypes(
  contents: Readonly<Record<string, Content>>,
  example?: unknown,
): Record<string, MediaType> {
  return Object.fromEntries(
    Object.entries(contents).map(([type, content]) => [
      type,
      { schema: contentSchema(content), ...(example === undefined ? {} : { example }) },
    ]),
  );
}

function contentSchema(content: Content): JsonSchema {
  switch (content) {
    case "text":
      return { type: "string" };
    case "binary":
      return {}; // as OpenAPI 3.1 has it, bytes have no schema
    default:
      return { $ref: schemaReference(content.name) };
  }
}
