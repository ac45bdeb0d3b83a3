import { StructuredOutputFields } from "./structured-output-fields.ts";
import { ThinkingFields } from "./thinking-fields.ts";
import { ToolFields } from "./tool-fields.ts";

/** Fields of a chat request that say what form the answer has. */
export const OutputFields = { ...StructuredOutputFields, ...ToolFields, ...ThinkingFields };
