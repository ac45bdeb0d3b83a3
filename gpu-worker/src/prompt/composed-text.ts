/** Marks of a run that are put in order together; no script stacks more than a handful. */
const MAX_MARKS = 64;

const LONG_RUN_OF_MARKS = new RegExp(`\\p{M}{${MAX_MARKS}}`, "gu");

/**
 * The text in Unicode's form NFC, in time linear in its length.
 *
 * Engines sort combining marks by insertion, which takes 3 s for a letter with 100,000 of them. So
 * longer runs are composed in parts.
 */
export function composed(text: string): string {
  return partsOf(text)
    .map((part) => part.normalize("NFC"))
    .join("");
}

function partsOf(text: string): string[] {
  const parts: string[] = [];
  let begin = 0;
  for (const { index, 0: run } of text.matchAll(LONG_RUN_OF_MARKS)) {
    parts.push(text.slice(begin, index + run.length));
    begin = index + run.length;
  }
  return [...parts, text.slice(begin)];
}
