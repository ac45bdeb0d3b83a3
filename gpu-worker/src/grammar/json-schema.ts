import { NOTHING, choice, repeat, text } from "./expression.ts";
import type { Expression } from "./expression.ts";
import type { Grammar } from "./grammar.ts";
import { anyInteger, anyNumber, integerBetween, numberBetween } from "./json-number.ts";
import { ANY_JSON_CHARACTER, characters, jsonCharacter, quoted } from "./json-string.ts";
import { anyObject, anyValue, array, object } from "./json-text.ts";
import { anyMatch, wholeMatch } from "./regex-grammar.ts";
import { areDisjoint } from "./schema-disjoint.ts";
import { assertSupported, constraintsOf } from "./schema-keywords.ts";
import { SchemaReader } from "./schema-reader.ts";
import type { Path, Schema } from "./schema-reader.ts";
import { STRING_FORMATS, UNSUPPORTED_FORMATS } from "./string-formats.ts";
import { UnsupportedGrammar } from "./unsupported.ts";

/**
 * Texts that are JSON and valid under a schema: each of them is, and what cannot be kept is refused
 * rather than let through. Where a schema leaves something open, fewer texts may be written: members
 * come in the order of `properties`, and others than those only where `additionalProperties` says so.
 *
 * @param document tells the references of several schemas in one grammar apart
 * @throws UnsupportedGrammar that names the keyword at fault and where it stands
 */
export function jsonSchemaText(grammar: Grammar, schema: unknown, document = ""): Expression {
  const writer = new SchemaWriter(grammar, new SchemaReader(schema), document);
  return writer.write(schema, []);
}

class SchemaWriter {
  readonly #grammar: Grammar;
  readonly #reader: SchemaReader;
  readonly #document: string;

  constructor(grammar: Grammar, reader: SchemaReader, document: string) {
    this.#grammar = grammar;
    this.#reader = reader;
    this.#document = document;
  }

  write(value: unknown, path: Path): Expression {
    const schema = this.#reader.schemaAt(value, path);
    if (schema === true) {
      return anyValue(this.#grammar);
    }
    if (schema === false) {
      return choice([]);
    }
    assertSupported(schema, path);
    try {
      return this.#combined(schema, path);
    } catch (error) {
      throw error instanceof UnsupportedGrammar && error.path.length === 0
        ? new UnsupportedGrammar(error.message, path)
        : error;
    }
  }

  /** One keyword decides the form: what stands beside it would have to hold as well. */
  #combined(schema: Schema, path: Path): Expression {
    for (const keyword of ["$ref", "anyOf", "oneOf", "allOf"] as const) {
      if (schema[keyword] !== undefined) {
        assertAlone(schema, keyword, path);
        return this[keyword](schema[keyword], [...path, keyword]);
      }
    }
    if (schema["enum"] !== undefined || schema["const"] !== undefined) {
      return this.#literals(schema, path);
    }
    return choice(
      this.#reader.typesOf(schema, path).map((type) => this.#typed(type, schema, path)),
    );
  }

  $ref(value: unknown, path: Path): Expression {
    const { target, targetPath } = this.#reader.resolve(value, path);
    return this.#grammar.shared(
      `${this.#document}#/${targetPath.map((key) => encodeURIComponent(key)).join("/")}`,
      () => this.write(target, targetPath),
    );
  }

  anyOf(value: unknown, path: Path): Expression {
    const schemas = this.#reader.schemasAt(value, path);
    return choice(schemas.map((schema, index) => this.write(schema, [...path, String(index)])));
  }

  oneOf(value: unknown, path: Path): Expression {
    const schemas = this.#reader.schemasAt(value, path);
    const isApart = schemas.every((schema, index) =>
      schemas.slice(index + 1).every((other) => areDisjoint(schema, other, this.#reader)),
    );
    if (!isApart) {
      throw new UnsupportedGrammar(
        "oneOf is supported where its schemas exclude each other: by type, or by a required property with different const or enum values; anyOf has no such condition",
        path,
      );
    }
    return this.anyOf(value, path);
  }

  allOf(value: unknown, path: Path): Expression {
    const schemas = this.#reader.schemasAt(value, path);
    if (schemas.length !== 1) {
      throw new UnsupportedGrammar(
        `allOf is supported with one schema, got ${schemas.length}`,
        path,
      );
    }
    return this.write(schemas[0], [...path, "0"]);
  }

  #literals(schema: Schema, path: Path): Expression {
    const values = this.#reader.literalsOf(schema, path);
    return choice(values.map((value) => text(JSON.stringify(value))));
  }

  #typed(type: string, schema: Schema, path: Path): Expression {
    switch (type) {
      case "object":
        return this.#object(schema, path);
      case "array":
        return this.#array(schema, path);
      case "string":
        return this.#string(schema);
      case "number":
        return hasBounds(schema) ? numberBetween(this.#reader.boundsOf(schema, path)) : anyNumber();
      case "integer":
        return hasBounds(schema)
          ? integerBetween(this.#reader.boundsOf(schema, path))
          : anyInteger();
      case "boolean":
        return choice([text("true"), text("false")]);
      default:
        return text("null");
    }
  }

  #object(schema: Schema, path: Path): Expression {
    const properties = this.#reader.propertiesOf(schema, path);
    const required = this.#reader.requiredOf(schema, path);
    const { additionalProperties: open = properties.length === 0 && required.size === 0 } = schema;
    const names = new Set(properties.map(([name]) => name));
    const missing = [...required].filter((name) => !names.has(name));
    if (missing.length > 0 && open === false) {
      throw new UnsupportedGrammar(
        `required: ${JSON.stringify(missing[0])} is not among the properties`,
        path,
      );
    }
    if (properties.length === 0 && missing.length === 0 && open === true) {
      return anyObject(this.#grammar);
    }
    const additional =
      open === false ? undefined : this.write(open, [...path, "additionalProperties"]);
    const members = [
      ...properties.map(([name, value]) => ({
        name,
        value: this.write(value, [...path, "properties", name]),
        isRequired: required.has(name),
      })),
      ...missing.map((name) => ({ name, value: additional ?? NOTHING, isRequired: true })),
    ];
    this.#reader.assertPropertyCount(schema, path, {
      least: required.size,
      most: additional === undefined ? members.length : Infinity,
    });
    return object(this.#grammar, members, additional);
  }

  #array(schema: Schema, path: Path): Expression {
    const first = this.#reader.prefixItemsOf(schema, path);
    const items = schema["items"] ?? true;
    const more = items === false ? undefined : this.write(items, [...path, "items"]);
    const { min, max } = this.#reader.rangeOf(schema, path, "minItems", "maxItems");
    const most = more === undefined ? Math.min(max, first.length) : max;
    if (min > most) {
      throw new UnsupportedGrammar(`no list has from ${min} to ${most} items`, path);
    }
    const written = first.map((value, index) =>
      this.write(value, [...path, "prefixItems", String(index)]),
    );
    return array(this.#grammar, written, more, { min, max: most });
  }

  #string(schema: Schema): Expression {
    const { pattern, format, minLength, maxLength } = schema;
    const isFormat = typeof format === "string" && Object.hasOwn(STRING_FORMATS, format);
    if (typeof format === "string" && UNSUPPORTED_FORMATS.has(format)) {
      const known = Object.keys(STRING_FORMATS).join(", ");
      throw new UnsupportedGrammar(
        `format ${JSON.stringify(format)} is not supported; ${known} are`,
      );
    }
    const lengths = minLength !== undefined || maxLength !== undefined;
    if (Number(pattern !== undefined) + Number(isFormat) + Number(lengths) > 1) {
      throw new UnsupportedGrammar(
        "pattern, format and a length are supported one at a time; a pattern can bound the length",
      );
    }
    if (isFormat) {
      return this.#grammar.shared(`format ${format}`, () =>
        quoted(wholeMatch(STRING_FORMATS[format] ?? "", jsonCharacter)),
      );
    }
    if (pattern !== undefined) {
      if (typeof pattern !== "string") {
        throw new UnsupportedGrammar(`pattern: expected a string, got ${typeof pattern}`);
      }
      return this.#grammar.shared(`pattern ${pattern}`, () =>
        quoted(anyMatch(pattern, jsonCharacter)),
      );
    }
    const { min, max } = this.#reader.rangeOf(schema, [], "minLength", "maxLength");
    if (min === 0 && max === Infinity) {
      return this.#grammar.shared("any string", () =>
        quoted(repeat(ANY_JSON_CHARACTER, 0, Infinity)),
      );
    }
    if (min > max) {
      throw new UnsupportedGrammar(`no string has from ${min} to ${max} characters`);
    }
    return this.#grammar.shared(`length ${min} ${max}`, () =>
      quoted(characters(this.#grammar, min, max)),
    );
  }
}

function hasBounds(schema: Schema): boolean {
  return ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"].some(
    (keyword) => schema[keyword] !== undefined,
  );
}

function assertAlone(schema: Schema, keyword: string, path: Path): void {
  const beside = constraintsOf(schema).find((other) => other !== keyword && other !== "type");
  if (beside !== undefined) {
    throw new UnsupportedGrammar(
      `${beside} beside ${keyword} is not supported; write it into the schemas of ${keyword}`,
      path,
    );
  }
  if (schema["type"] !== undefined) {
    throw new UnsupportedGrammar(`type beside ${keyword} is not supported`, path);
  }
}
