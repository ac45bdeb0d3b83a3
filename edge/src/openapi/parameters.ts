import { valueSchema } from "./component-schemas.ts";
import type { JsonSchema } from "./component-schemas.ts";
import type { RouteDescription } from "./route-description.ts";

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required: boolean;
  description: string;
  schema: JsonSchema;
}

/** What a route takes beside its body: in its path, its query and its headers. */
export function parametersOf(route: RouteDescription): Parameter[] {
  return [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)];
}

function pathParameters({ pathParameters: names = {} }: RouteDescription): Parameter[] {
  return Object.entries(names).map(([name, description]) => ({
    name,
    in: "path",
    required: true,
    description,
    schema: { type: "string" },
  }));
}

function queryParameters({ query }: RouteDescription): Parameter[] {
  return Object.entries(query?.shape ?? {}).map(([name, field]) => {
    const { description = "", ...schema } = valueSchema(field);
    return {
      name,
      in: "query",
      required: !field.safeParse(undefined).success,
      description,
      schema,
    };
  });
}

function headerParameters({ headers: names = {} }: RouteDescription): Parameter[] {
  return Object.entries(names).map(([name, description]) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  }));
}
