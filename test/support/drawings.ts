import sharp from "sharp";
import type { Sharp } from "sharp";

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

export interface Drawn {
  shape: keyof typeof SHAPES;
  color: string;
  /** Left, top and side in pixels. */
  at: readonly [number, number, number];
}

interface Paper {
  width: number;
  height: number;
  /** None: the picture is transparent where nothing is drawn. */
  background?: string;
  /** Elements of SVG beside the shapes. */
  svg?: string;
}

/** Draws shapes with librsvg. */
export function draw({ width, height, background, svg = "" }: Paper, ...shapes: Drawn[]): Sharp {
  const placed = shapes.map(
    ({ shape, color, at: [left, top, side] }) =>
      `<g fill="${color}" transform="translate(${left} ${top}) scale(${side / 100})">${SHAPES[shape]}</g>`,
  );
  const paper =
    background === undefined
      ? ""
      : `<rect width="${width}" height="${height}" fill="${background}"/>`;
  const size = `width="${width}" height="${height}"`;
  return sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${paper}${placed.join("")}${svg}</svg>`,
    ),
  );
}

/** The word EXIT in strokes, so that no font of the machine matters; for paper of 192 by 96. */
export const EXIT_SIGN = `<g fill="none" stroke="#111" stroke-width="4">
  <path d="M70 30H50V66H70M50 48H66"/><path d="M78 30L100 66M100 30L78 66"/>
  <path d="M110 30V66"/><path d="M118 30H142M130 30V66"/></g>`;

/** A black cross on white, pixel by pixel. */
export function pixelCross(side: number): Sharp {
  const arm = side / 5;
  const pixels = Uint8Array.from({ length: side * side }, (_, index) => {
    const x = Math.abs((index % side) - side / 2);
    const y = Math.abs(Math.floor(index / side) - side / 2);
    return Math.max(x, y) <= arm && Math.min(x, y) <= arm / 3 ? 15 : 255;
  });
  return sharp(pixels, { raw: { width: side, height: side, channels: 1 } }).toColourspace("srgb");
}
