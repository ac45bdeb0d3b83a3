import type { IncomingMessage } from "node:http";

/** When the text of a streamed answer came. */
export interface TimedStream {
  /** From the request to the first text. */
  firstMs: number;
  /** From the first text to the last. */
  restMs: number;
  /** Longest time from one text to the next. */
  longestGapMs: number;
  tokens: number;
}

/** Reads a stream to its end. @throws Error that shows its end when it is not whole */
export async function timeStream(ask: () => Promise<IncomingMessage>): Promise<TimedStream> {
  const begun = performance.now();
  const answer = await ask();
  const texts: number[] = [];
  let tail = "";
  for await (const chunk of answer) {
    const text = String(chunk);
    if (text.includes('"content":"') && !/"content":""/.test(text)) {
      texts.push(performance.now());
    }
    tail = (tail + text).slice(-2000);
  }
  if (!tail.endsWith("data: [DONE]\n\n")) {
    throw new Error(`status ${answer.statusCode}, ended with ${tail.slice(-200)}`);
  }
  return timesOf(begun, texts, Number(/.*^id: (\d+)$/ms.exec(tail)?.[1] ?? 0));
}

/** Of an answer asked for at one time whose texts came at others. */
export function timesOf(begun: number, texts: readonly number[], tokens: number): TimedStream {
  const [first = NaN] = texts;
  const last = texts.at(-1) ?? NaN;
  const gaps = texts.slice(1).map((time, index) => time - (texts[index] ?? time));
  return {
    firstMs: first - begun,
    restMs: last - first,
    longestGapMs: Math.max(0, ...gaps),
    tokens,
  };
}
