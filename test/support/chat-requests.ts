import { readFile } from "node:fs/promises";
import { join } from "node:path";

import sharp from "sharp";

const MODEL = "qwen3-vl-shapes";
const EXAMPLE = join(import.meta.dirname, "../../examples/shapes.png");

/** What a question is asked about. */
export type Subject = "text" | "picture";

/** A picture as its bytes and as the URL that a client sends. */
export interface Picture {
  bytes: Uint8Array<ArrayBuffer>;
  url: string;
}

/** The example in shades from `first` to below 1024, so that a cache that knows one knows no other. */
export async function pictures(count: number, first = 0): Promise<Picture[]> {
  const example = await readFile(EXAMPLE);
  return Promise.all(Array.from({ length: count }, (_, index) => shadeOf(example, first + index)));
}

async function shadeOf(example: Buffer, shade: number): Promise<Picture> {
  const [lessRed, lessGreen] = [shade % 32, Math.floor(shade / 32)];
  const png = await sharp(example)
    .removeAlpha()
    .linear([1, 1, 1], [-lessRed, -lessGreen, 0])
    .png()
    .toBuffer();
  const url = `data:image/png;base64,${png.toString("base64")}`;
  return { bytes: new Uint8Array(png), url };
}

export interface LongRequest {
  maxTokens: number;
  stream: boolean;
  /** The picture that the question is about, if it is about one. */
  pictureUrl: string | undefined;
  /** Begins the question: two prompts with different numbers share next to nothing in a prefix cache. */
  number: number;
}

/**
 * A body whose greedy answer is as long as `max_tokens` allows, but for one in thirty: what was said
 * becomes likelier with each time it is said, so the answer to this question repeats itself and does
 * not come to its end token.
 */
export function longRequest({ maxTokens, stream, pictureUrl, number }: LongRequest) {
  const text = `${number}. Locate every shape, output the bbox coordinates.`;
  const question = { type: "text", text };
  const picture = { type: "image_url", image_url: { url: pictureUrl } };
  return {
    model: MODEL,
    messages: [
      { role: "user", content: pictureUrl === undefined ? [question] : [picture, question] },
    ],
    stream,
    max_tokens: maxTokens,
    temperature: 0,
    frequency_penalty: -2,
  };
}
