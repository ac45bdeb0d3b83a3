import * as z from "zod";

import type { NamedSchema } from "./route-description.ts";

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Where the document keeps a schema of this name. */
export const schemaReference = (name: string) => `#/components/schemas/${name}`;

/**
 * JSON Schemas of all that have a name; one that holds another refers to it.
 *
 * @param io whether the schemas say what clients send or what they get: what has a default need not be sent
 * @throws Error when two different schemas have one name
 */
export function componentSchemas(
  named: readonly NamedSchema[],
  io: "input" | "output",
): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  const byName = new Map<string, z.ZodType>();
  for (const { name, schema } of named) {
    const other = byName.get(name);
    if (other === undefined) {
      byName.set(name, schema);
      registry.add(schema, { id: name });
    } else if (other !== schema) {
      throw new Error(`two schemas are called ${name}`);
    }
  }
  const { schemas } = z.toJSONSchema(registry, {
    io,
    uri: schemaReference,
    unrepresentable: "any",
    override: correct,
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, withoutAddress(schema)]),
  );
}

/** The schema of a single value, such as a parameter. */
export function valueSchema(schema: z.ZodType): JsonSchema {
  return withoutAddress(
    z.toJSONSchema(schema, { io: "input", unrepresentable: "any", override: correct }),
  );
}

/** The document says for all what dialect they are, and their place in it is their id. */
function withoutAddress(schema: JsonSchema): JsonSchema {
  const { $schema: _dialect, $id: _address, id: _name, ...rest } = schema;
  return rest;
}

type Override = NonNullable<z.core.ToJSONSchemaParams["override"]>;

/** Where zod says more than is meant, or less. */
const correct: Override = ({ zodSchema, jsonSchema }) => {
  if (zodSchema instanceof z.ZodObject && zodSchema.def.catchall === undefined) {
    delete jsonSchema.additionalProperties; // an answer may get more members later
  }
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) {
    delete jsonSchema.minimum;
  }
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) {
    delete jsonSchema.maximum;
  }
  if (zodSchema instanceof z.ZodPipe && zodSchema.in instanceof z.ZodArray) {
    // A list that is counted before its items are looked at: they are what comes out.
    jsonSchema.items =
      z.toJSONSchema(zodSchema.out, { io: "input", override: correct }).items ?? {};
  }
};
