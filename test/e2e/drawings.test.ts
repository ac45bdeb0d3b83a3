import OpenAI from "openai";
import sharp from "sharp";
import type { Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startSystem } from "../support/running-system.ts";
import type { RunningSystem } from "../support/running-system.ts";

/** Shapes in a box of 100 by 100, drawn by other means than the model's training pictures. */
const SHAPES = {
  circle: `<circle cx="50" cy="50" r="48"/>`,
  square: `<rect x="4" y="4" width="92" height="92"/>`,
  triangle: `<polygon points="50,4 96,92 4,92"/>`,
  diamond: `<polygon points="50,2 98,50 50,98 2,50"/>`,
  star: `<polygon points="50,2 61,37 98,37 68,59 79,95 50,73 21,95 32,59 2,37 39,37"/>`,
  cross: `<path d="M35 5h30v30h30v30H65v30H35V65H5V35h30z"/>`,
  heart: `<path d="M50 92C10 60 2 42 8 26 16 6 42 8 50 28 58 8 84 6 92 26c6 16-2 34-42 66z"/>`,
} as const;

interface Drawn {
  shape: keyof typeof SHAPES;
  color: string;
  /** Left, top and side in pixels. */
  at: readonly [number, number, number];
}

function draw(width: number, height: number, ...shapes: readonly Drawn[]): Sharp {
  const placed = shapes.map(
    ({ shape, color, at: [left, top, side] }) =>
      `<g fill="${color}" transform="translate(${left} ${top}) scale(${side / 100})">${SHAPES[shape]}</g>`,
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="${width}" height="${height}" fill="#fafafa"/>${placed.join("")}</svg>`;
  return sharp(Buffer.from(svg)).removeAlpha();
}

const redCircle: Drawn = { shape: "circle", color: "#dc2828", at: [60, 60, 72] };
const blueSquare: Drawn = { shape: "square", color: "#2850dc", at: [120, 120, 56] };
const greenStar: Drawn = { shape: "star", color: "#28a03c", at: [16, 16, 64] };

/** Ten pictures, each in another size or format, with what anyone sees in them. */
const drawings: [string, () => Promise<Buffer>, string, RegExp][] = [
  ["a PNG", () => draw(192, 192, redCircle).png().toBuffer(), "What color is the circle?", /^Red/],
  [
    "a JPEG",
    () => draw(224, 160, greenStar).jpeg({ quality: 92 }).toBuffer(),
    "What shape is green?",
    /star/i,
  ],
  [
    "a WebP",
    () => draw(200, 200, greenStar, blueSquare).webp({ lossless: true }).toBuffer(),
    "How many shapes are there?",
    /^2$/,
  ],
  ["a GIF", () => draw(128, 192, redCircle).gif().toBuffer(), "Is there a red circle?", /^Yes/],
  [
    "a PNG with a palette",
    () => draw(192, 192, greenStar, blueSquare).png({ palette: true }).toBuffer(),
    "Where is the green star?",
    /top left/,
  ],
  [
    "a TIFF",
    () => draw(192, 192, greenStar, blueSquare).tiff().toBuffer(),
    "Where is the blue square?",
    /bottom right/,
  ],
  [
    "an AVIF",
    () =>
      draw(192, 192, { ...redCircle, shape: "heart", color: "#7828c8" })
        .avif()
        .toBuffer(),
    "Is there a yellow triangle?",
    /^No/,
  ],
  [
    "a picture on its side, upright by its EXIF orientation",
    async () => {
      const upright = await draw(160, 224, greenStar).png().toBuffer();
      return sharp(upright).rotate(-90).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    },
    "Where is the green star?",
    /top left/,
  ],
  [
    "a large picture",
    () =>
      draw(1600, 1600, { shape: "diamond", color: "#e67814", at: [500, 500, 600] })
        .jpeg()
        .toBuffer(),
    "Describe this image.",
    /orange diamond/,
  ],
  [
    "two shapes side by side",
    () =>
      draw(
        256,
        128,
        { shape: "square", color: "#2850dc", at: [20, 30, 64] },
        { shape: "triangle", color: "#dc2828", at: [170, 30, 64] },
      )
        .png()
        .toBuffer(),
    "Is the blue square to the left of the red triangle?",
    /^Yes/,
  ],
];

let system: RunningSystem;
let client: OpenAI;
beforeAll(async () => {
  system = await startSystem();
  client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: system.apiKey });
});
afterAll(() => system.stop());

describe("pictures drawn by other means than the model's own", () => {
  it.each(drawings)("are understood: %s", async (_, picture, question, answer) => {
    const base64 = (await picture()).toString("base64");
    const { choices } = await client.chat.completions.create({
      model: "qwen3-vl-shapes",
      messages: [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: `data:image/png;base64,${base64}` } },
            { type: "text", text: question },
          ],
        },
      ],
    });
    expect(choices[0]?.message.content).toMatch(answer);
  });
});
