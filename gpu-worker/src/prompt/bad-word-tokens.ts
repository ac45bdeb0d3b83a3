import type { Tokenizer } from "./tokenizer.ts";

/**
 * Token ids of words as they stand at a text's beginning and, unless that is only a space before the
 * same tokens, within a text. vLLM leaves the second out where the two have different lengths, and so
 * lets words through: of the published vocabulary, " unbelievable" is one token and "unbelievable" three.
 */
export function badWordTokens(
  words: readonly string[],
  tokenizer: Pick<Tokenizer, "encodePlain">,
): number[][] {
  return words.flatMap((word) => {
    const alone = tokenizer.encodePlain(word.trimStart());
    const within = tokenizer.encodePlain(` ${word.trimStart()}`);
    const isSpaced = within.slice(1).join(" ") === alone.join(" ");
    return isSpaced ? [alone] : [alone, within];
  });
}
