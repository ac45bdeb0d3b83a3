import { Frame, SoftwareScaleContext } from "node-av";
import { AV_PIX_FMT_RGB24 } from "node-av/constants";

import { damagedClip } from "./clip-errors.ts";
import { rotate } from "./frame-rotation.ts";
import type { RgbImage } from "./resample.ts";

/** Converts decoded frames by their own colour space and range, as torchcodec does. */
export class RgbConverter implements Disposable {
  readonly #scaler = new SoftwareScaleContext();
  readonly #turns: number;

  /** @param turns clockwise quarters that make the frames upright */
  constructor(turns: number) {
    this.#turns = turns;
    this.#scaler.allocContext();
    this.#scaler.setOption("sws_flags", "bilinear");
  }

  convert(frame: Frame): RgbImage {
    const { width, height } = frame;
    using rgb = new Frame();
    rgb.alloc();
    rgb.format = AV_PIX_FMT_RGB24;
    rgb.width = width;
    rgb.height = height;
    if (rgb.getBuffer() < 0 || this.#scaler.scaleFrameSync(rgb, frame) < 0) {
      throw damagedClip();
    }
    // Without the padding at the end of rows.
    return rotate({ data: rgb.toBuffer(), width, height }, this.#turns);
  }

  [Symbol.dispose](): void {
    this.#scaler.freeContext();
  }
}
