import type { JsonSchema } from "./component-schemas.ts";
import { html, withCode } from "./html.ts";
import type { Html } from "./html.ts";

const REFERENCE = "#/components/schemas/";

/** What a value may be, in one line: `integer from 1 to 64`, `list of Message`. */
export function schemaText(schema: JsonSchema): Html {
  const { $ref: reference, anyOf, oneOf } = schema;
  if (reference !== undefined) {
    const name = reference.slice(REFERENCE.length);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  const branches = anyOf ?? oneOf;
  if (branches !== undefined) {
    return joined(branches.map(asSchema).map(schemaText), " or ");
  }
  if (schema.const !== undefined || schema.enum !== undefined) {
    const values = schema.enum ?? [schema.const];
    return joined(
      values.map((value) => html`<code>${JSON.stringify(value)}</code>`),
      " or ",
    );
  }
  if (schema.type === "array") {
    const items = schema.prefixItems?.[0] ?? schema.items;
    const item = Array.isArray(items) ? items[0] : items;
    return html`list of ${schemaText(asSchema(item))}${range(schema.minItems, schema.maxItems)}`;
  }
  return html`${typeText(schema)}${valueRange(schema)}`;
}

/** The same with all members of an object, and theirs folded below. */
export function schemaView(schema: JsonSchema): Html {
  const branches = (schema.anyOf ?? schema.oneOf ?? []).map(asSchema);
  const members = Object.entries(schema.properties ?? {});
  if (members.length > 0) {
    return html`<table>
      ${members.map(([name, member]) => memberRow(schema, name, asSchema(member)))}
    </table>`;
  }
  if (branches.some(hasMembers)) {
    return html`<p>${branches.length} forms:</p>
      ${branches.map(schemaView)}`;
  }
  return html`<p>${schemaText(schema)}</p>`;
}

function memberRow(parent: JsonSchema, name: string, schema: JsonSchema): Html {
  const isRequired = parent.required?.includes(name) === true;
  const byDefault =
    schema.default === undefined ? "" : ` Unless set ${JSON.stringify(schema.default)}.`;
  return html`<tr>
    <td><code>${name}</code>${isRequired ? " required" : ""}</td>
    <td>${schemaText(schema)}</td>
    <td>${withCode(schema.description ?? "")}${byDefault}${insides(schema)}</td>
  </tr>`;
}

/** The objects within a value that have no name to refer to. */
function insides(schema: JsonSchema): Html[] {
  const branches = (schema.anyOf ?? schema.oneOf ?? [schema]).map(asSchema);
  return branches.flatMap((branch) => {
    const items = Array.isArray(branch.items) ? branch.items[0] : branch.items;
    const inner = items === undefined ? branch : asSchema(items);
    return hasMembers(inner)
      ? [
          html`<details>
            <summary>members</summary>
            ${schemaView(inner)}
          </details>`,
        ]
      : [];
  });
}

/** An object that says what is in it, or one of several. */
function hasMembers(schema: JsonSchema): boolean {
  return (
    Object.keys(schema.properties ?? {}).length > 0 ||
    (schema.anyOf ?? schema.oneOf ?? []).map(asSchema).some(hasMembers)
  );
}

function typeText({ type, format }: JsonSchema): string {
  const types = type === undefined ? ["anything"] : [type].flat();
  return format === undefined ? types.join(" or ") : `${types.join(" or ")} (${format})`;
}

function valueRange(schema: JsonSchema): string {
  const { minimum, maximum, exclusiveMinimum, minLength, maxLength, pattern } = schema;
  if (pattern !== undefined) {
    return ` like ${pattern}`;
  }
  if (typeof exclusiveMinimum === "number") {
    return ` above ${exclusiveMinimum}${maximum === undefined ? "" : ` to ${maximum}`}`;
  }
  return range(minimum, maximum) || range(minLength, maxLength, " characters");
}

function range(least: number | undefined, most: number | undefined, unit = ""): string {
  if (most === undefined) {
    return least === undefined ? "" : `, at least ${least}${unit}`;
  }
  return least === undefined ? `, at most ${most}${unit}` : `, ${least} to ${most}${unit}`;
}

/** A boolean schema allows everything or nothing. */
function asSchema(schema: JsonSchema | boolean | undefined): JsonSchema {
  return typeof schema === "object" ? schema : {};
}

function joined(parts: readonly Html[], separator: string): Html {
  return html`${parts.map((part, index) => (index === 0 ? part : html`${separator}${part}`))}`;
}
