import type { Random } from "../../gpu-worker/src/engine/random.ts";

type Schema = Record<string, unknown>;

/** Levels of objects and lists; below, values are short. */
const DEPTH = 3;
const WORDS = ["name", "size", "tags", "at", "é", 'a "b"', "id", "0", "x-y", "größe"];
const FORMATS = ["date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6"];
const PATTERNS = [
  "^[A-Z]{2,4}-\\d{3}$",
  "^(a+)+b$",
  "^(foo|ba[rz])?$",
  '^["\\\\/]{1,3}$',
  "^.{2,5}$",
];

/**
 * A schema of nested objects, lists, enums, formats, bounds and references; the same random numbers
 * give the same one. Every list and free text has a bound, so that answers end.
 */
export function randomSchema(random: Random): Schema {
  const writer = new SchemaWriter(random);
  const root = writer.object(DEPTH);
  return { ...root, $defs: { leaf: writer.scalar(), chain: CHAIN } };
}

const CHAIN = {
  type: "object",
  properties: {
    value: { type: "integer" },
    next: { anyOf: [{ type: "null" }, { $ref: "#/$defs/chain" }] },
  },
  required: ["value"],
  additionalProperties: false,
};

class SchemaWriter {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  object(depth: number): Schema {
    const names = WORDS.filter(() => this.#random() < 0.35);
    const required = names.filter(() => this.#random() < 0.7);
    const properties = Object.fromEntries(names.map((name) => [name, this.#any(depth - 1)]));
    const additionalProperties = this.#random() < 0.1 ? { type: "boolean" } : false;
    return { type: "object", properties, required, additionalProperties };
  }

  scalar(): Schema {
    return this.#pick([
      () => ({ type: this.#pick(["boolean", "null", "integer", "number"]) }),
      () => ({ type: ["string", "null"], maxLength: this.#whole(0, 12) }),
      () => ({ type: "string", minLength: 2, maxLength: this.#whole(2, 40) }),
      () => ({ type: "string", format: this.#pick(FORMATS) }),
      () => ({ type: "string", format: "uuid" }),
      () => ({ type: "string", pattern: this.#pick(PATTERNS) }),
      () => ({
        enum: ["red", 'a "quote"', 7, -0.5, null, true, "日本"].slice(0, this.#whole(1, 7)),
      }),
      () => ({ const: this.#pick(["only", 1, { a: [1] }]) }),
      () => ({ type: "integer", ...this.#bounds(this.#whole(-500, 500), this.#whole(0, 2000)) }),
      () => ({
        type: "number",
        ...this.#bounds(this.#whole(-99, 99) / 8, this.#whole(1, 900) / 16),
      }),
      () => ({ type: "integer", exclusiveMinimum: this.#whole(-5, 5) }),
    ])();
  }

  #any(depth: number): Schema {
    if (depth <= 0 || this.#random() < 0.4) {
      return this.scalar();
    }
    return this.#pick([
      () => this.object(depth),
      () => ({
        type: "array",
        items: this.#any(depth - 1),
        minItems: this.#whole(0, 2),
        maxItems: this.#whole(2, 4),
      }),
      () => ({
        type: "array",
        prefixItems: [this.scalar(), this.scalar()],
        items: false,
        minItems: 2,
      }),
      () => ({ anyOf: [this.scalar(), this.object(depth - 1)] }),
      () => ({ $ref: this.#pick(["#/$defs/leaf", "#/$defs/chain"]) }),
      () => this.#union(depth),
    ])();
  }

  /** What a discriminated union becomes. */
  #union(depth: number): Schema {
    const branch = (kind: string): Schema => ({
      type: "object",
      properties: { kind: { const: kind }, value: this.#any(depth - 1) },
      required: ["kind", "value"],
      additionalProperties: false,
    });
    return { oneOf: [branch("circle"), branch("square")] };
  }

  #bounds(from: number, length: number): Schema {
    const [low, high] = [from, from + length];
    return this.#random() < 0.5
      ? { minimum: low, maximum: high }
      : { exclusiveMinimum: low - 1, exclusiveMaximum: high + 1 };
  }

  #whole(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1));
  }

  #pick<T>(values: readonly T[]): T {
    const value = values[this.#whole(0, values.length - 1)];
    if (value === undefined) {
      throw new RangeError("nothing to pick from");
    }
    return value;
  }
}
