import { readFileSync } from "node:fs";
import { join } from "node:path";

const MODEL = "qwen3-vl-shapes";
export const PICTURE = readFileSync(join(import.meta.dirname, "../../examples/shapes.png"));
export const PICTURE_URL = `data:image/png;base64,${PICTURE.toString("base64")}`;

/** What a question is asked about. */
export type Subject = "text" | "picture";

export interface LongRequest {
  maxTokens: number;
  stream: boolean;
  /** URL of the picture, if the question is about one. */
  pictureUrl: string | undefined;
}

/**
 * A body whose greedy answer is as long as `max_tokens` allows: what was said becomes likelier with each
 * time it is said, so the answer to this question repeats itself and never comes to its end token.
 */
export function longRequest({ maxTokens, stream, pictureUrl }: LongRequest) {
  const question = { type: "text", text: "Locate every shape, output the bbox coordinates." };
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
