import type { ChatRequest } from "@qwen3-vl/shared/chat";
import { ApiError } from "@qwen3-vl/shared/errors";
import { parseJson } from "@qwen3-vl/shared/json";

import { toEbnf } from "./ebnf.ts";
import { choice, text } from "./expression.ts";
import type { Expression } from "./expression.ts";
import { assertUsable } from "./grammar-check.ts";
import { Grammar } from "./grammar.ts";
import { jsonSchemaText } from "./json-schema.ts";
import { anyObject } from "./json-text.ts";
import { plainCharacter, wholeMatch } from "./regex-grammar.ts";
import { UnsupportedGrammar } from "./unsupported.ts";

/** A grammar that an answer must follow, and the field of the request that asks for it. */
export interface OutputGrammar {
  /** EBNF as xgrammar reads it. */
  source: string;
  param: string;
}

/** Bytes of a schema as JSON: OpenAI allows 120,000 characters of names and values. */
const MAX_SCHEMA_BYTES = 2 ** 18;
/** Characters of the EBNF that a schema becomes. */
const MAX_SOURCE_LENGTH = 2 ** 20;

/**
 * The grammar that a request asks for with `response_format`, `structured_outputs` or one of the older
 * `guided_…` fields; undefined where the answer is free.
 *
 * @throws ApiError that names the field, and inside it the keyword at fault
 */
export function outputGrammar(request: ChatRequest): OutputGrammar | undefined {
  const asked = askedForms(request);
  const [form, other] = asked;
  if (form !== undefined && other !== undefined) {
    throw new ApiError(
      "invalid_request",
      `${other.param}: expected one form of the answer, got ${form.param} too.`,
      { param: other.param },
    );
  }
  return form && { param: form.param, source: inField(form.param, form.source) };
}

/** Runs what may refuse a grammar; the refusal names the field. */
export function inField<T>(param: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toFieldError(param, error);
  }
}

/** A refusal of a grammar as the client's error; anything else stays what it is. */
export function toFieldError(param: string, error: unknown): unknown {
  if (!(error instanceof UnsupportedGrammar)) {
    return error;
  }
  const where = [param, ...error.path].join(".").slice(0, MAX_PARAM_LENGTH);
  return new ApiError("invalid_request", `${where}: ${error.message}.`, {
    param: where,
    cause: error,
  });
}

/** Names of properties may be long; an error message may not. */
const MAX_PARAM_LENGTH = 200;

interface AskedForm {
  param: string;
  source: () => string;
}

function askedForms(request: ChatRequest): AskedForm[] {
  const { response_format: format, structured_outputs: outputs = {} } = request;
  const forms: AskedForm[] = [];
  if (format?.type === "json_object") {
    forms.push({ param: "response_format", source: objectSource });
  }
  if (format?.type === "json_schema") {
    const { schema } = format.json_schema;
    forms.push({
      param: "response_format.json_schema.schema",
      source: () => (schema === undefined ? objectSource() : schemaSource(schema)),
    });
  }
  const older = {
    json: request.guided_json,
    regex: request.guided_regex,
    choice: request.guided_choice,
    grammar: request.guided_grammar,
  };
  return [
    ...forms,
    ...namedForms(outputs, (name) => `structured_outputs.${name}`),
    ...namedForms(older, (name) => `guided_${name}`),
  ];
}

type NamedForms = NonNullable<ChatRequest["structured_outputs"]>;

function namedForms(forms: NamedForms, paramOf: (name: string) => string): AskedForm[] {
  const { json, json_object: isObject, regex, choice: texts, grammar } = forms;
  const asked: AskedForm[] = [];
  if (json !== undefined) {
    const param = paramOf("json");
    asked.push({ param, source: () => schemaSource(schemaOf(json)) });
  }
  if (isObject === true) {
    asked.push({ param: paramOf("json_object"), source: objectSource });
  }
  if (regex !== undefined) {
    const source = () => sourceOf(() => wholeMatch(regex, plainCharacter));
    asked.push({ param: paramOf("regex"), source });
  }
  if (texts !== undefined) {
    const source = () => sourceOf(() => choice(texts.map((item) => text(item))));
    asked.push({ param: paramOf("choice"), source });
  }
  if (grammar !== undefined) {
    asked.push({ param: paramOf("grammar"), source: () => grammar });
  }
  return asked;
}

function objectSource(): string {
  return sourceOf(anyObject);
}

function schemaSource(schema: unknown): string {
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > MAX_SCHEMA_BYTES) {
    throw new UnsupportedGrammar(
      `expected a schema of at most ${MAX_SCHEMA_BYTES} bytes, got ${bytes}`,
    );
  }
  return sourceOf((grammar) => jsonSchemaText(grammar, schema));
}

/** vLLM takes a schema as JSON text too. */
function schemaOf(json: unknown): unknown {
  if (typeof json !== "string") {
    return json;
  }
  try {
    return parseJson(json);
  } catch (cause) {
    throw new UnsupportedGrammar(
      cause instanceof ApiError
        ? cause.message.replace("The body", "the text").replace(/\.$/, "")
        : "expected JSON text",
    );
  }
}

/** @throws UnsupportedGrammar when nothing fits, or it becomes too long */
export function sourceOf(write: (grammar: Grammar) => Expression): string {
  const grammar = new Grammar();
  grammar.root(write(grammar));
  assertUsable(grammar);
  const source = toEbnf(grammar);
  if (source.length > MAX_SOURCE_LENGTH) {
    throw new UnsupportedGrammar(
      `it becomes a grammar of ${source.length} characters; at most ${MAX_SOURCE_LENGTH} are supported`,
    );
  }
  return source;
}
