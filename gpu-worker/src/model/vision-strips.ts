/** Frame pairs, rows and columns of a picture or clip, in patches. */
interface Grid {
  t: number;
  h: number;
  w: number;
}

/**
 * Tokens of a strip. Each strip lays out the keys and values of its whole picture once more, so short
 * strips cost time (with 512 tokens about 3 % at 2B size and 65,536 patches), and long ones memory.
 */
const STRIP_TOKENS = 512;

/** A strip too long counts this many times as much as one too short by the same factor. */
const TOO_LONG = 3;

/** Tokens of each of the equal strips that a picture of `tokens` tokens is cut into: a divisor close to `wanted`. */
export function stripTokens(tokens: number, wanted = STRIP_TOKENS): number {
  if (tokens <= wanted) {
    return tokens;
  }
  const distance = (divisor: number) =>
    divisor > wanted ? TOO_LONG * Math.log(divisor / wanted) : Math.log(wanted / divisor);
  return divisorsOf(tokens).reduce((best, divisor) =>
    distance(divisor) < distance(best) ? divisor : best,
  );
}

/** Frame pairs of a clip that run together: as many as come to one strip. */
export function pairsPerRun(pairTokens: number, wanted = STRIP_TOKENS): number {
  return Math.max(1, Math.floor(wanted / pairTokens));
}

/** Patches that the vision encoder holds at once. */
export interface EncoderRun {
  patches: number;
  stripPatches: number;
}

/** The largest run while a medium is encoded. */
export function largestRun({ t, h, w }: Grid, mergeSize: number): EncoderRun {
  const pairTokens = (h * w) / mergeSize ** 2;
  const pairs = Math.min(t, pairsPerRun(pairTokens));
  return {
    patches: pairs * h * w,
    stripPatches: pairs * stripTokens(pairTokens) * mergeSize ** 2,
  };
}

/** What pictures of up to so many tokens run as, but for those whose sides have few divisors. */
export function typicalRun(tokens: number, mergeSize: number): EncoderRun {
  return {
    patches: tokens * mergeSize ** 2,
    stripPatches: Math.min(tokens, 2 * STRIP_TOKENS) * mergeSize ** 2,
  };
}

function divisorsOf(value: number): number[] {
  const small: number[] = [];
  for (let divisor = 1; divisor * divisor <= value; divisor++) {
    if (value % divisor === 0) {
      small.push(divisor);
    }
  }
  return [...small, ...small.map((divisor) => value / divisor)];
}
