import { isSchema } from "./schema-reader.ts";
import type { SchemaReader } from "./schema-reader.ts";

/**
 * Whether no value is valid under both schemas, as far as types and the constant values of required
 * properties tell: what is not seen to be apart counts as overlapping.
 */
export function areDisjoint(a: unknown, b: unknown, reader: SchemaReader): boolean {
  const [left, right] = [dereferenced(a, reader), dereferenced(b, reader)];
  if (!isSchema(left) || !isSchema(right)) {
    return left === false || right === false;
  }
  const [leftValues, rightValues] = [constantsOf(left), constantsOf(right)];
  if (leftValues !== undefined && rightValues !== undefined) {
    return !leftValues.some((value) => rightValues.includes(value));
  }
  const [leftTypes, rightTypes] = [typesOf(left), typesOf(right)];
  if (leftTypes === undefined || rightTypes === undefined) {
    return false;
  }
  if (!leftTypes.some((type) => rightTypes.includes(type))) {
    return true;
  }
  const onlyObjects = [...leftTypes, ...rightTypes].every((type) => type === "object");
  return onlyObjects && haveTellingProperty(left, right, reader);
}

/** A property that both require and that cannot have one value in both. */
function haveTellingProperty(left: object, right: object, reader: SchemaReader): boolean {
  const [leftProperties, rightProperties] = [
    requiredPropertiesOf(left),
    requiredPropertiesOf(right),
  ];
  return [...leftProperties].some(([name, schema]) => {
    const other = rightProperties.get(name);
    const [own, others] = [dereferenced(schema, reader), dereferenced(other, reader)];
    const [ownValues, otherValues] = [constantsOf(own), constantsOf(others)];
    return (
      ownValues !== undefined &&
      otherValues !== undefined &&
      !ownValues.some((value) => otherValues.includes(value))
    );
  });
}

function requiredPropertiesOf(schema: object): Map<string, unknown> {
  const { properties, required } = schema as { properties?: unknown; required?: unknown };
  const names: unknown[] = Array.isArray(required) ? required : [];
  return new Map(
    isSchema(properties) ? Object.entries(properties).filter(([name]) => names.includes(name)) : [],
  );
}

function dereferenced(schema: unknown, reader: SchemaReader): unknown {
  let value = schema;
  for (let step = 0; step < MAX_STEPS && isSchema(value) && value["$ref"] !== undefined; step++) {
    value = reader.resolve(value["$ref"], []).target;
  }
  return value;
}

/** References to references: more than a few is a circle. */
const MAX_STEPS = 8;

/** A schema's values, where it lists them and equality can tell them apart. */
function constantsOf(schema: unknown): unknown[] | undefined {
  if (!isSchema(schema)) {
    return undefined;
  }
  const { enum: values, const: only } = schema;
  const listed: unknown[] | undefined = Array.isArray(values)
    ? values
    : only === undefined
      ? undefined
      : [only];
  return listed?.every((value) => value === null || typeof value !== "object") === true
    ? listed
    : undefined;
}

/** The types of a schema that names them; an integer is a number. */
function typesOf(schema: object): string[] | undefined {
  const { type } = schema as { type?: unknown };
  const types: unknown[] = Array.isArray(type) ? type : [type];
  return types.every((name) => typeof name === "string")
    ? types.map((name) => (name === "integer" ? "number" : name))
    : undefined;
}
