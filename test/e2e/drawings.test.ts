import OpenAI from "openai";
import sharp from "sharp";
import type { Sharp } from "sharp";
import { beforeAll, describe, expect, it } from "vitest";

import { EXIT_SIGN, draw, pixelCross } from "../support/drawings.ts";
import type { Drawn } from "../support/drawings.ts";
import { MODEL, askAbout } from "../support/evaluation.ts";
import { sharedSystem } from "../support/shared-system.ts";
import type { SharedSystem } from "../support/shared-system.ts";

const redCircle: Drawn = { shape: "circle", color: "#dc2828", at: [60, 60, 72] };
const blueSquare: Drawn = { shape: "square", color: "#2850dc", at: [120, 120, 56] };
const greenStar: Drawn = { shape: "star", color: "#28a03c", at: [16, 16, 64] };

/** Opaque, on nearly white paper. */
const onPaper = (width: number, height: number, ...shapes: Drawn[]) =>
  draw({ width, height, background: "#fafafa" }, ...shapes).removeAlpha();

/** Stored on its side, upright by its EXIF orientation. */
async function onItsSide(upright: Sharp, angle: 90 | -90): Promise<Sharp> {
  const orientation = angle === 90 ? 8 : 6;
  return sharp(await upright.png().toBuffer())
    .rotate(angle)
    .withMetadata({ orientation });
}

type Drawing = [name: string, picture: () => Promise<Buffer>, question: string, answer: string];

const files: Drawing[] = [
  [
    "a PNG",
    () => onPaper(192, 192, redCircle).png().toBuffer(),
    "What color is the circle?",
    "Red.",
  ],
  [
    "a JPEG",
    () => onPaper(224, 160, greenStar).jpeg({ quality: 92 }).toBuffer(),
    "What shape is green?",
    "The star.",
  ],
  [
    "a WebP without loss",
    () => onPaper(200, 200, greenStar, blueSquare).webp({ lossless: true }).toBuffer(),
    "How many shapes are there?",
    "2",
  ],
  [
    "a WebP with loss",
    () =>
      onPaper(192, 192, { shape: "heart", color: "#78481e", at: [15, 120, 60] })
        .webp({ quality: 90 })
        .toBuffer(),
    "Where is the brown heart?",
    "At the bottom left.",
  ],
  ["a GIF", () => onPaper(128, 192, redCircle).gif().toBuffer(), "Is there a red circle?", "Yes."],
  [
    "a TIFF",
    () => onPaper(192, 192, greenStar, blueSquare).tiff().toBuffer(),
    "Where is the blue square?",
    "At the bottom right.",
  ],
  [
    "an AVIF",
    () =>
      onPaper(192, 192, { shape: "heart", color: "#7828c8", at: [60, 60, 72] })
        .avif()
        .toBuffer(),
    "Is there a yellow triangle?",
    "No.",
  ],
  [
    "a PNG of 16 bits",
    () =>
      onPaper(
        288,
        128,
        { shape: "circle", color: "#dc2626", at: [36, 40, 48] },
        { shape: "square", color: "#16a34a", at: [200, 44, 44] },
      )
        .toColourspace("rgb16")
        .png()
        .toBuffer(),
    "Is the red circle to the left of the green square?",
    "Yes.",
  ],
  [
    "a PNG with a palette",
    () =>
      onPaper(
        192,
        192,
        { shape: "star", color: "#dc2626", at: [20, 20, 60] },
        { shape: "star", color: "#16a34a", at: [110, 110, 60] },
        { shape: "circle", color: "#2563eb", at: [122, 32, 36] },
      )
        .png({ palette: true })
        .toBuffer(),
    // Asked how many stars there are, the model says 1, of this picture as of the same without a palette.
    "Describe this image.",
    "A large red star at the top left, a small blue circle at the top right and a large green star at the bottom right.",
  ],
  [
    "a PNG with transparent paper",
    () =>
      draw(
        { width: 160, height: 224 },
        { shape: "star", color: "#9333ea", at: [50, 10, 60] },
        { shape: "square", color: "#f472b6", at: [66, 176, 28] },
      )
        .png()
        .toBuffer(),
    "Describe this image.",
    "A large purple star at the top and a small pink square at the bottom.",
  ],
];

const scenes: Drawing[] = [
  [
    "a picture on its right side",
    async () => (await onItsSide(onPaper(160, 224, greenStar), -90)).jpeg().toBuffer(),
    "Where is the green star?",
    "At the top left.",
  ],
  [
    "a picture on its left side",
    async () => {
      const triangle: Drawn = { shape: "triangle", color: "#2563eb", at: [126, 13, 58] };
      return (await onItsSide(onPaper(192, 160, triangle), 90)).jpeg({ quality: 95 }).toBuffer();
    },
    "Where is the blue triangle?",
    "At the top right.",
  ],
  [
    "a large picture",
    () =>
      onPaper(1600, 1600, { shape: "diamond", color: "#e67814", at: [500, 500, 600] })
        .jpeg()
        .toBuffer(),
    "Describe this image.",
    "A large orange diamond in the center.",
  ],
  [
    "two shapes side by side",
    () =>
      onPaper(
        256,
        128,
        { shape: "square", color: "#2850dc", at: [20, 30, 64] },
        { shape: "triangle", color: "#dc2828", at: [170, 30, 64] },
      )
        .png()
        .toBuffer(),
    "Is the blue square to the left of the red triangle?",
    "Yes.",
  ],
  [
    "three shapes on grey paper",
    () =>
      draw(
        { width: 224, height: 160, background: "#f0f0f0" },
        { shape: "square", color: "#dc2626", at: [20, 60, 40] },
        { shape: "triangle", color: "#2563eb", at: [88, 55, 48] },
        { shape: "star", color: "#facc15", at: [159, 54, 52] },
      )
        .jpeg({ quality: 85 })
        .toBuffer(),
    "How many shapes are there?",
    "3",
  ],
  ["raw pixels", () => pixelCross(192).png().toBuffer(), "What shape is black?", "The cross."],
  [
    "a diamond on grey paper",
    () =>
      draw(
        { width: 256, height: 128, background: "#f4f4f4" },
        { shape: "diamond", color: "#f97316", at: [98, 34, 60] },
      )
        .gif()
        .toBuffer(),
    "Is there an orange diamond?",
    "Yes.",
  ],
  [
    "a word in strokes",
    () => draw({ width: 192, height: 96, background: "white", svg: EXIT_SIGN }).png().toBuffer(),
    "What does the text say?",
    "EXIT",
  ],
  [
    "a picture without a word",
    () => onPaper(192, 192, greenStar).png().toBuffer(),
    "What does the text say?",
    "There is no text.",
  ],
  [
    "a star and a square",
    () => onPaper(192, 192, greenStar, blueSquare).png({ palette: true }).toBuffer(),
    "Where is the green star?",
    "At the top left.",
  ],
];

let system: SharedSystem;
let client: OpenAI;
beforeAll(async () => {
  system = await sharedSystem();
  client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: system.apiKey });
});

describe("pictures drawn by other means than the model's own are understood", () => {
  it.each([...files, ...scenes])("%s", async (_, picture, question, answer) => {
    const base64 = (await picture()).toString("base64");
    const { choices } = await client.chat.completions.create({
      model: MODEL,
      temperature: 0,
      messages: askAbout(question, `data:image/png;base64,${base64}`),
    });
    expect(choices[0]?.message.content).toBe(answer);
  });
});
