import type { Tool } from "@qwen3-vl/shared/chat-message";

import { choice, repeat, sequence, text } from "./expression.ts";
import type { Expression } from "./expression.ts";
import { inField, sourceOf } from "./grammar-source.ts";
import type { OutputGrammar } from "./grammar-source.ts";
import type { Grammar } from "./grammar.ts";
import { jsonSchemaText } from "./json-schema.ts";
import { anyObject } from "./json-text.ts";
import { UnsupportedGrammar } from "./unsupported.ts";

/** Which calls an answer must have: any of the tools, or this one, or as the model likes. */
export type CallChoice = "auto" | "required" | { name: string };

const BEGIN = "<tool_call>";
const END = "</tool_call>";

/** Calls of one answer: models ask for a handful, and an answer must end. */
const MAX_CALLS = 32;

/**
 * The grammar of an answer with tool calls in Qwen's format, arguments as the functions' `parameters`
 * have them. With `auto` text is free and only calls are bound, and only if a function is `strict`;
 * else an answer is calls and nothing else: exactly one unless they may be parallel.
 *
 * @throws ApiError that names the tool and the keyword of its parameters that cannot be kept
 */
export function toolCallGrammar(
  tools: readonly Tool[],
  wanted: CallChoice,
  parallel: boolean,
): OutputGrammar | undefined {
  if (wanted === "auto") {
    return tools.some((tool) => tool.function.strict === true)
      ? { param: "tools", source: withFreeText(tools, parallel) }
      : undefined;
  }
  const named =
    wanted === "required" ? tools : tools.filter((tool) => tool.function.name === wanted.name);
  const source = inField("tool_choice", () => {
    if (named.length === 0) {
      throw new UnsupportedGrammar("expected a function among the tools");
    }
    return sourceOf((grammar) =>
      toolCalls(grammar, { tools, called: named, isParallel: parallel }),
    );
  });
  return { param: "tools", source };
}

interface Calls {
  tools: readonly Tool[];
  /** Those of them that may be called. */
  called: readonly Tool[];
  isParallel: boolean;
}

/** Calls and nothing else: exactly one unless they may be parallel. */
export function toolCalls(grammar: Grammar, { tools, called, isParallel }: Calls): Expression {
  const call = grammar.rule(sequence(text(BEGIN), callOf(grammar, tools, called)));
  return isParallel ? sequence(call, repeat(sequence(text("\n"), call), 0, MAX_CALLS - 1)) : call;
}

/** Text, and behind each begin of a call the rest of one. */
function withFreeText(tools: readonly Tool[], parallel: boolean): string {
  const calls = sourceOf((grammar) => callOf(grammar, tools, tools));
  const dispatch = `TagDispatch(("${BEGIN}", call), loop_after_dispatch=${parallel})`;
  return `root ::= ${dispatch}\n${calls.replace(/^root ::=/m, "call ::=")}`;
}

/** A call behind its begin. Parameters of functions that are not strict are kept where they can be. */
function callOf(grammar: Grammar, tools: readonly Tool[], called: readonly Tool[]): Expression {
  const bodies = called.map((tool) => {
    const { name } = tool.function;
    const head = `\n{"name": ${JSON.stringify(name)}, "arguments": `;
    const index = tools.indexOf(tool);
    const parameters = inField(`tools.${index}.function.parameters`, () =>
      argumentsOf(grammar, tool, index),
    );
    return sequence(text(head), parameters);
  });
  return sequence(choice(bodies), text(`}\n${END}`));
}

function argumentsOf(grammar: Grammar, { function: called }: Tool, index: number): Expression {
  const { parameters, strict } = called;
  if (parameters === undefined) {
    return anyObject(grammar);
  }
  try {
    return jsonSchemaText(grammar, { type: "object", ...parameters }, `tools.${index}`);
  } catch (error) {
    if (error instanceof UnsupportedGrammar && strict !== true) {
      return anyObject(grammar);
    }
    throw error;
  }
}
