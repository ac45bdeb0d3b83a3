import type { NumberBounds } from "./json-number.ts";
import { UnsupportedGrammar } from "./unsupported.ts";

export type Schema = Readonly<Record<string, unknown>>;
/** Where in a document, as keys from its top. */
export type Path = readonly string[];

/** Levels of schemas in schemas: OpenAI allows 10; recursion beyond is an attack. */
const MAX_DEPTH = 32;
/** As OpenAI has it. */
const MAX_PROPERTIES = 5000;
/** As OpenAI has it. */
const MAX_ENUM_VALUES = 1000;
/** Bounds of lengths and counts: each place costs the compiler a look at the vocabulary. */
const MAX_COUNT = 10_000;

const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"];

/** Keywords that tell the type where `type` does not. */
const IMPLIED_TYPES: ReadonlyArray<readonly [type: string, keywords: readonly string[]]> = [
  ["object", ["properties", "required", "additionalProperties", "minProperties", "maxProperties"]],
  ["array", ["items", "prefixItems", "minItems", "maxItems"]],
  ["string", ["pattern", "minLength", "maxLength", "format"]],
  ["number", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]],
];

/** Reads the keywords of a schema's document, each checked and counted. */
export class SchemaReader {
  readonly #document: unknown;
  #properties = 0;
  #enumValues = 0;

  constructor(document: unknown) {
    this.#document = document;
  }

  schemaAt(value: unknown, path: Path): Schema | boolean {
    if (path.length > 2 * MAX_DEPTH) {
      throw new UnsupportedGrammar(`schemas are nested deeper than ${MAX_DEPTH} levels`, path);
    }
    if (typeof value === "boolean" || isSchema(value)) {
      return value;
    }
    throw new UnsupportedGrammar(`expected a schema, got ${nameOf(value)}`, path);
  }

  schemasAt(value: unknown, path: Path): readonly unknown[] {
    if (!Array.isArray(value) || value.length === 0) {
      throw new UnsupportedGrammar(`expected a list of schemas, got ${nameOf(value)}`, path);
    }
    return value;
  }

  /** What a `$ref` stands for: a place in the same document, and nothing that would have to be fetched. */
  resolve(value: unknown, path: Path): { target: unknown; targetPath: Path } {
    if (typeof value !== "string" || !/^#(\/|$)/.test(value)) {
      const got = typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : nameOf(value);
      throw new UnsupportedGrammar(
        `expected a reference into the schema itself such as "#/$defs/name", got ${got}`,
        path,
      );
    }
    const targetPath = value.split("/").slice(1).map(unescapedPointer);
    let target = this.#document;
    for (const key of targetPath) {
      target =
        typeof target === "object" && target !== null && Object.hasOwn(target, key)
          ? Reflect.get(target, key)
          : undefined;
    }
    if (target === undefined) {
      throw new UnsupportedGrammar(`nothing is at ${JSON.stringify(value.slice(0, 80))}`, path);
    }
    return { target, targetPath };
  }

  /** The types of values, as named or as other keywords imply; all of them where nothing does. */
  typesOf(schema: Schema, path: Path): readonly string[] {
    const { type } = schema;
    if (type === undefined) {
      const implied = IMPLIED_TYPES.filter(([, keywords]) =>
        keywords.some((keyword) => schema[keyword] !== undefined),
      ).map(([name]) => name);
      return implied.length > 0 ? implied : TYPES.filter((name) => name !== "integer");
    }
    const types: unknown[] = Array.isArray(type) ? type : [type];
    const names = types.filter((name) => typeof name === "string" && TYPES.includes(name));
    if (names.length < types.length || names.length === 0) {
      throw new UnsupportedGrammar(`type: expected ${TYPES.join(", ")} or a list of them`, path);
    }
    return [...new Set(names.map(String))];
  }

  /** The values of `enum` or `const` that the schema's `type` allows. */
  literalsOf(schema: Schema, path: Path): readonly unknown[] {
    const { enum: values = [schema["const"]], type, ...rest } = schema;
    if (!Array.isArray(values) || values.length === 0) {
      throw new UnsupportedGrammar(`enum: expected a list of values, got ${nameOf(values)}`, path);
    }
    this.#enumValues += values.length;
    if (this.#enumValues > MAX_ENUM_VALUES) {
      throw new UnsupportedGrammar(
        `enum: expected at most ${MAX_ENUM_VALUES} values in all, got ${this.#enumValues}`,
        path,
      );
    }
    const beside = IMPLIED_TYPES.flatMap(([, keywords]) => keywords).find(
      (keyword) => rest[keyword] !== undefined,
    );
    const isDouble = schema["enum"] !== undefined && schema["const"] !== undefined;
    if (beside !== undefined || isDouble) {
      throw new UnsupportedGrammar(
        `${beside ?? "const"} beside enum or const is not supported`,
        path,
      );
    }
    const types = type === undefined ? TYPES : this.typesOf(schema, path);
    const allowed: unknown[] = values.filter((value) =>
      typesOfValue(value).some((it) => types.includes(it)),
    );
    if (allowed.length === 0) {
      throw new UnsupportedGrammar("none of the values is of the schema's type", path);
    }
    return allowed;
  }

  propertiesOf({ properties = {} }: Schema, path: Path): ReadonlyArray<[string, unknown]> {
    if (!isSchema(properties)) {
      throw new UnsupportedGrammar(
        `properties: expected an object, got ${nameOf(properties)}`,
        path,
      );
    }
    const entries = Object.entries(properties);
    this.#properties += entries.length;
    if (this.#properties > MAX_PROPERTIES) {
      throw new UnsupportedGrammar(
        `properties: expected at most ${MAX_PROPERTIES} in all, got ${this.#properties}`,
        path,
      );
    }
    return entries;
  }

  requiredOf({ required = [] }: Schema, path: Path): ReadonlySet<string> {
    if (!Array.isArray(required) || !required.every((name) => typeof name === "string")) {
      throw new UnsupportedGrammar("required: expected a list of names", path);
    }
    return new Set(required);
  }

  /** How many members there can be is known from elsewhere; the schema may only say what holds anyway. */
  assertPropertyCount(schema: Schema, path: Path, known: { least: number; most: number }): void {
    const { min, max } = this.rangeOf(schema, path, "minProperties", "maxProperties");
    if (min > known.least || max < known.most) {
      throw new UnsupportedGrammar(
        "minProperties and maxProperties are supported where required and additionalProperties imply them",
        path,
      );
    }
  }

  prefixItemsOf({ prefixItems = [] }: Schema, path: Path): readonly unknown[] {
    if (!Array.isArray(prefixItems)) {
      throw new UnsupportedGrammar(
        `prefixItems: expected a list of schemas, got ${nameOf(prefixItems)}`,
        path,
      );
    }
    return prefixItems;
  }

  rangeOf(schema: Schema, path: Path, least: string, most: string): { min: number; max: number } {
    const read = (keyword: string, otherwise: number) => {
      const value = schema[keyword] ?? otherwise;
      const isCount = typeof value === "number" && Number.isInteger(value) && value >= 0;
      if (value !== otherwise && !(isCount && value <= MAX_COUNT)) {
        throw new UnsupportedGrammar(
          `${keyword}: expected a whole number from 0 to ${MAX_COUNT}, got ${shown(value)}`,
          path,
        );
      }
      return value;
    };
    return { min: read(least, 0), max: read(most, Infinity) };
  }

  boundsOf(schema: Schema, path: Path): NumberBounds {
    const read = (keyword: string): number | undefined => {
      const value = schema[keyword];
      if (value !== undefined && (typeof value !== "number" || !Number.isFinite(value))) {
        throw new UnsupportedGrammar(`${keyword}: expected a number, got ${shown(value)}`, path);
      }
      return typeof value === "number" ? value : undefined;
    };
    return {
      minimum: read("minimum"),
      maximum: read("maximum"),
      exclusiveMinimum: read("exclusiveMinimum"),
      exclusiveMaximum: read("exclusiveMaximum"),
    };
  }
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function typesOfValue(value: unknown): string[] {
  return Number.isInteger(value) ? ["integer", "number"] : [nameOf(value)];
}

function nameOf(value: unknown): string {
  if (value === null) {
    return "null";
  }
  return Array.isArray(value) ? "array" : typeof value;
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : nameOf(value);
}

/** RFC 6901, in a URI fragment */
function unescapedPointer(key: string): string {
  return decodeFragment(key).replaceAll("~1", "/").replaceAll("~0", "~");
}

function decodeFragment(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
