import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { ChatPrompter } from "./chat-prompt.ts";
import { chatTemplateSource } from "./chat-template-source.ts";
import { ChatTemplate } from "./chat-template.ts";
import { Tokenizer } from "./tokenizer.ts";

const root = join(import.meta.dirname, "../../..");
const shapes = join(root, "models/qwen3-vl-shapes");

/** A text file of the repository, for tests. */
export function readText(path: string): string {
  return readFileSync(resolve(root, path), "utf8");
}

/** The tokenizer of the model that ships with the repository. */
export function shapesTokenizer(): Tokenizer {
  return new Tokenizer(
    readFileSync(join(shapes, "tokenizer.json"), "utf8"),
    readFileSync(join(shapes, "tokenizer_config.json"), "utf8"),
  );
}

/** Prompts by any tokenizer and template; Qwen3-VL's own template without one. */
export function prompterOf(tokenizer: Tokenizer, template = qwenTemplate()): ChatPrompter {
  return new ChatPrompter(tokenizer, new ChatTemplate(template, tokenizer), {
    placeholders: {
      image: tokenizer.idOf("<|image_pad|>") ?? -1,
      video: tokenizer.idOf("<|video_pad|>") ?? -1,
    },
    mergeSize: 2,
  });
}

function qwenTemplate(): string {
  return chatTemplateSource({
    "chat_template.jinja": readFileSync(join(shapes, "chat_template.jinja"), "utf8"),
  });
}
