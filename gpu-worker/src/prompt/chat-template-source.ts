import * as z from "zod";

import { parseFile } from "./tokenizer-files.ts";

/** Texts of the checkpoint's files that may hold its chat template; absent files are undefined. */
export interface ChatTemplateFiles {
  "chat_template.jinja"?: string | undefined;
  "chat_template.json"?: string | undefined;
  "tokenizer_config.json"?: string | undefined;
}

const WithTemplate = z.object({
  chat_template: z
    .union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))])
    .nullish(),
});

/** The template's text, looked for where transformers looks, in its order. */
export function chatTemplateSource(files: ChatTemplateFiles): string {
  const source =
    files["chat_template.jinja"] ??
    templateIn("chat_template.json", files) ??
    templateIn("tokenizer_config.json", files);
  if (source === undefined) {
    throw new Error(
      "the checkpoint has no chat template: expected chat_template.jinja, or chat_template in chat_template.json or tokenizer_config.json",
    );
  }
  return source;
}

function templateIn(
  name: "chat_template.json" | "tokenizer_config.json",
  files: ChatTemplateFiles,
): string | undefined {
  const text = files[name];
  const template =
    text === undefined ? undefined : parseFile(name, text, WithTemplate).chat_template;
  return Array.isArray(template)
    ? template.find((named) => named.name === "default")?.template
    : (template ?? undefined);
}
