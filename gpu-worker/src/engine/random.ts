/** A number x, 0 ≤ x < 1. */
export type Random = () => number;

const WORD = 2 ** 32;

/**
 * Uniform doubles of 53 random bits; the same seed, any safe integer, gives the same sequence, and each
 * stream, a whole number from 0, another one.
 * Small Fast Counter, 32 bits: https://pracrand.sourceforge.net/RNG_engines.txt
 */
export function seededRandom(seed: number, stream = 0): Random {
  return smallFastCounter(seed >>> 0, Math.floor(seed / WORD) >>> 0, stream);
}

/** A sequence that nobody can foresee or repeat. */
export function unseededRandom(): Random {
  const [a = 0, b = 0, c = 0] = crypto.getRandomValues(new Uint32Array(3));
  return smallFastCounter(a, b, c);
}

/** Rounds after which the words of near seeds have nothing in common. */
const WARM_UP_ROUNDS = 16;

function smallFastCounter(first: number, second: number, third: number): Random {
  let [a, b, c, counter] = [first | 0, second | 0, third | 0, 1];

  const nextWord = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    nextWord();
  }
  return () => {
    const high = nextWord() >>> 5;
    const low = nextWord() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  };
}
