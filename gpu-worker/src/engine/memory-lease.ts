/** Memory is lent for so many tokens at a time: one growth in as many steps. */
export const BLOCK_TOKENS = 64;

/** Tokens to lend to a sequence of `length` that may reach `maxLength`: whole blocks. */
export function tokensToLend(length: number, maxLength: number, blockTokens: number): number {
  return Math.min(Math.ceil(length / blockTokens) * blockTokens, maxLength);
}
