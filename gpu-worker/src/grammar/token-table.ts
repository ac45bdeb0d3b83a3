import * as z from "zod";

import { BYTE_SYMBOLS } from "../prompt/byte-level.ts";
import type { Tokenizer } from "../prompt/tokenizer.ts";

/** A vocabulary as grammars see it; crosses the thread border as a plain value. */
export const TokenTable = z.object({
  /** Each token in byte-level symbols; control tokens are empty, so that no text holds one. */
  tokens: z.array(z.string()).readonly(),
  /** Length of logits, which may be padded beyond the tokens. */
  vocabSize: z.int(),
  /** Allowed where a text may end, and nowhere else. */
  endTokenIds: z.array(z.int()).readonly(),
});
export type TokenTable = z.infer<typeof TokenTable>;

export function tokenTable(
  tokenizer: Tokenizer,
  { vocabSize, endTokenIds }: Pick<TokenTable, "vocabSize" | "endTokenIds">,
): TokenTable {
  const tokens = Array.from({ length: tokenizer.vocabSize }, (_, id) =>
    tokenizer.isSpecial(id)
      ? ""
      : Array.from(tokenizer.bytesOf(id), (byte) => BYTE_SYMBOLS[byte]).join(""),
  );
  return { tokens, vocabSize, endTokenIds };
}
