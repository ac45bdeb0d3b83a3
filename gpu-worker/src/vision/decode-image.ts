import sharp from "sharp";

import { decodeBmp } from "./bmp.ts";
import { firstFrame } from "./first-frame.ts";
import { damagedImage } from "./image-header.ts";
import type { ImageHeader } from "./image-header.ts";
import type { RgbImage } from "./resample.ts";
import { toRgb } from "./rgb-samples.ts";
import type { Samples } from "./rgb-samples.ts";

/** A 100-megapixel AVIF takes about ten seconds; more is a file made to be slow. */
const MAX_DECODE_SECONDS = 30;

/** Decodes the first frame of the picture that `header` was read from, upright, as 8-bit RGB. */
export async function decodeImage(bytes: Uint8Array, header: ImageHeader): Promise<RgbImage> {
  return header.format === "BMP" ? decodeBmp(bytes) : toRgb(await decodeSamples(bytes, header));
}

async function decodeSamples(bytes: Uint8Array, header: ImageHeader): Promise<Samples> {
  const { width, height, colours, hasAlpha, bitsPerSample } = header;
  const space = colours === "cmyk" ? "cmyk" : bitsPerSample === 16 ? "rgb16" : "srgb";
  // Profiles are ignored and inks left alone, as Pillow does: the model was trained on such values.
  // `failOn: "error"` refuses cut-off files, but not those with a decoder's mere warnings.
  const { data, info } = await sharp(firstFrame(bytes, header.format), {
    ignoreIcc: true,
    failOn: "error",
    limitInputPixels: width * height,
  })
    .autoOrient()
    .pipelineColourspace(space)
    .toColourspace(space)
    .raw({ depth: bitsPerSample === 16 ? "ushort" : "uchar" })
    .timeout({ seconds: MAX_DECODE_SECONDS })
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw damagedImage(header.format, cause);
    });

  const channels = (colours === "cmyk" ? 4 : 3) + (hasAlpha ? 1 : 0);
  if (info.width !== width || info.height !== height || info.channels !== channels) {
    throw new Error(
      `decoded ${info.width} x ${info.height} x ${info.channels}, ` +
        `but the header said ${width} x ${height} x ${channels}`,
    );
  }
  return { data: bitsPerSample === 16 ? asUint16(data) : data, width, height, colours, hasAlpha };
}

function asUint16(bytes: Buffer): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
}
