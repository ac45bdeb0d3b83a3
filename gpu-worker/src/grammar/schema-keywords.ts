import type { Path, Schema } from "./schema-reader.ts";
import { UnsupportedGrammar } from "./unsupported.ts";

/** Keywords that are kept. */
const CONSTRAINTS = [
  "$ref",
  "additionalProperties",
  "allOf",
  "anyOf",
  "const",
  "enum",
  "exclusiveMaximum",
  "exclusiveMinimum",
  "format",
  "items",
  "maxItems",
  "maxLength",
  "maxProperties",
  "maximum",
  "minItems",
  "minLength",
  "minProperties",
  "minimum",
  "oneOf",
  "pattern",
  "prefixItems",
  "properties",
  "required",
  "type",
];

/** Keywords of the standard's drafts that a grammar cannot keep. Other words are notes, which validators ignore too. */
const UNSUPPORTED = [
  "$dynamicRef",
  "$recursiveRef",
  "additionalItems",
  "contains",
  "dependencies",
  "dependentRequired",
  "dependentSchemas",
  "else",
  "if",
  "maxContains",
  "minContains",
  "multipleOf",
  "not",
  "patternProperties",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
  "uniqueItems",
];

/** Values that ask for nothing. */
const NEUTRAL: Readonly<Record<string, unknown>> = { uniqueItems: false };

/** @throws UnsupportedGrammar that names the first keyword that cannot be kept */
export function assertSupported(schema: Schema, path: Path): void {
  const keyword = UNSUPPORTED.find(
    (name) =>
      schema[name] !== undefined &&
      !(Object.hasOwn(NEUTRAL, name) && schema[name] === NEUTRAL[name]),
  );
  if (keyword !== undefined) {
    throw new UnsupportedGrammar(`the keyword ${keyword} is not supported`, [...path, keyword]);
  }
}

/** Keywords of a schema that say something about values. */
export function constraintsOf(schema: Schema): string[] {
  return CONSTRAINTS.filter((name) => schema[name] !== undefined);
}
