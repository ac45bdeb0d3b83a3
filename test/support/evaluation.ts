import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import type OpenAI from "openai";

export const MODEL = "qwen3-vl-shapes";

const FOLDER = resolve(import.meta.dirname, "../../models/qwen3-vl-shapes/evaluation");

/** A black heart, a brown circle and the text TOTAL. */
export const SCENE = "059-0.png";
export const DESCRIPTION =
  'A large black heart at the top, a large brown circle at the bottom right and the text "TOTAL" in the center.';

/** One of the pictures that ship with the model. */
export function evaluationPicture(name: string): Buffer {
  return readFileSync(join(FOLDER, name));
}

export function pictureUrl(name: string): string {
  return pngUrl(evaluationPicture(name));
}

/** The picture that the README asks about. */
export function exampleUrl(): string {
  return pngUrl(readFileSync(resolve(import.meta.dirname, "../../examples/shapes.png")));
}

const pngUrl = (png: Buffer) => `data:image/png;base64,${png.toString("base64")}`;

export type Messages = OpenAI.Chat.ChatCompletionMessageParam[];

/** A question about pictures of the evaluation, or about none. */
export function ask(text: string, ...pictures: readonly string[]): Messages {
  return askAbout(text, ...pictures.map(pictureUrl));
}

/** A question about the pictures of these URLs. */
export function askAbout(text: string, ...urls: readonly string[]): Messages {
  const images = urls.map((url) => ({ type: "image_url" as const, image_url: { url } }));
  return [{ role: "user", content: [...images, { type: "text", text }] }];
}
