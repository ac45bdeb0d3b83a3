import * as z from "zod";

import { BYTE_SYMBOLS } from "./byte-level.ts";

/** Qwen's added tokens match literally; other ways of matching would change what guards rely on. */
const literalOnly = z.literal(false, "only added tokens that match literally are supported");

const AddedToken = z.object({
  content: z.string().min(1),
  special: z.boolean(),
  single_word: literalOnly.default(false),
  lstrip: literalOnly.default(false),
  rstrip: literalOnly.default(false),
  normalized: literalOnly.default(false),
});

/** Checked by hand: a published vocabulary has 150,000 entries, and zod would copy each. */
const Vocabulary = z.custom<Readonly<Record<string, number>>>(
  (value) =>
    isObject(value) &&
    Object.values(value).every((id) => Number.isInteger(id)) &&
    BYTE_SYMBOLS.every((symbol) => Object.hasOwn(value, symbol)),
  "expected ids of tokens, among them one for each byte",
);

const Merges = z.custom<ReadonlyArray<string | readonly [string, string]>>(
  (value) => Array.isArray(value) && value.every(isMerge),
  "expected pairs of tokens",
);

const TokenizerFile = z.looseObject({
  added_tokens: z.array(AddedToken.extend({ id: z.int().min(0) })),
  normalizer: z.object({ type: z.literal("NFC") }, "expected the normalizer NFC"),
  model: z.looseObject({ type: z.literal("BPE"), vocab: Vocabulary, merges: Merges }),
});

const NamedToken = z
  .union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)])
  .nullish()
  .transform((token) => token ?? undefined);

const TokenizerConfigFile = z.object({
  added_tokens_decoder: z.record(z.string().regex(/^\d+$/), AddedToken).default({}),
  bos_token: NamedToken,
  eos_token: NamedToken,
});

export interface AddedToken {
  id: number;
  content: string;
  /** Control tokens such as `<|im_start|>`; `<think>` is added but not special. */
  special: boolean;
}

export interface TokenizerFiles {
  /** As `@huggingface/tokenizers` takes it. */
  definition: z.infer<typeof TokenizerFile>;
  /** Of both files, each id once. */
  addedTokens: readonly AddedToken[];
  bosToken: string | undefined;
  eosToken: string | undefined;
}

/** Parses the texts of a checkpoint's `tokenizer.json` and `tokenizer_config.json`. */
export function parseTokenizerFiles(tokenizerJson: string, configJson: string): TokenizerFiles {
  const definition = parseFile("tokenizer.json", tokenizerJson, TokenizerFile);
  const config = parseFile("tokenizer_config.json", configJson, TokenizerConfigFile);

  const addedTokens = new Map<number, AddedToken>();
  for (const [id, token] of Object.entries(config.added_tokens_decoder)) {
    addedTokens.set(Number(id), { ...token, id: Number(id) });
  }
  for (const token of definition.added_tokens) {
    addedTokens.set(token.id, token);
  }
  return {
    definition,
    addedTokens: [...addedTokens.values()],
    bosToken: config.bos_token,
    eosToken: config.eos_token,
  };
}

/** Parses one JSON file of a checkpoint; what is wrong is said with the file's name. */
export function parseFile<Schema extends z.ZodType>(
  name: string,
  text: string,
  schema: Schema,
): z.infer<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${name} is not valid JSON`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    throw new Error(`${name}: ${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}

function isMerge(value: unknown): boolean {
  return Array.isArray(value)
    ? value.length === 2 && value.every((token) => typeof token === "string")
    : typeof value === "string" && value.includes(" ");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
