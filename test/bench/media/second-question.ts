import { join } from "node:path";
import { text } from "node:stream/consumers";

import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";
import sharp from "sharp";

import { assembleSystem } from "../../support/assembled-system.ts";
import type { AssembledSystem } from "../../support/assembled-system.ts";
import { HttpClient } from "../../support/http-client.ts";
import { BENCH_FOLDER } from "../checkpoints/bench-folder.ts";
import { random2B } from "../checkpoints/make-checkpoint.ts";
import { median, printTable } from "../table.ts";

/** Sides of pictures in pixels: 1,024 and 4,096 patches, 256 and 1,024 tokens. */
const SIDES = [512, 1024];

const ROUNDS = 3;

/**
 * Time to the first token of a question about a picture that is new, and of a second question about it,
 * through the edge, the worker and random weights of the 2B model's sides.
 */
export async function secondQuestion(): Promise<void> {
  const model = await random2B();
  await using system = await assembleSystem({
    MODEL: model,
    STATE_DIR: join(BENCH_FOLDER, "state"),
    PRECISION: "int4",
  });
  const rows: string[][] = [];
  for (const side of SIDES) {
    const first: number[] = [];
    const second: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const url = await pictureUrl(side);
      const [asked, askedAgain] = [
        await timeQuestion(system, url, "What is in this picture?"),
        await timeQuestion(system, url, "How many people are there, and what do they wear?"),
      ];
      if (round > 0) {
        first.push(asked); // the round before the first one only warms up
        second.push(askedAgain);
      }
    }
    const [a, b] = [median(first), median(second)];
    rows.push([`${side} × ${side}`, a.toFixed(0), b.toFixed(0), (b / a).toFixed(3)]);
  }
  printTable([["picture", "first question ms", "second question ms", "ratio"], ...rows]);
}

/** Noise that no cache knows. */
async function pictureUrl(side: number): Promise<string> {
  const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
  const create = { width: side, height: side, channels: 3, background: "black", noise } as const;
  const jpeg = await sharp({ create }).jpeg().toBuffer();
  return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
}

/** Milliseconds to the end of an answer of one token. */
async function timeQuestion(
  { url, apiKey }: AssembledSystem,
  picture: string,
  question: string,
): Promise<number> {
  using http = new HttpClient(url);
  const body = JSON.stringify({
    model: "random-2b",
    messages: [
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: picture } },
          { type: "text", text: question },
        ],
      },
    ],
    max_tokens: 1,
    temperature: 0,
  });
  const headers = { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" };
  const start = performance.now();
  const answer = await http.post({ path: CHAT_COMPLETIONS_PATH, headers, body });
  const said = await text(answer);
  const ms = performance.now() - start;
  if (answer.statusCode !== 200) {
    throw new Error(`status ${answer.statusCode}: ${said}`);
  }
  return ms;
}
