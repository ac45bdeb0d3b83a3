// oxlint-disable typescript/no-non-null-assertion -- kernels over typed arrays, indexed per sample
import { PRECISION_BITS, STEP, resampleKernels } from "./resample-kernels.ts";
import type { PixelSize } from "./smart-resize.ts";

/** An 8-bit picture: RGB interleaved, shape [height, width, 3]. */
export interface RgbImage extends PixelSize {
  data: Uint8Array;
}

const CHANNELS = 3;

/** Pixels each side of the centre that Pillow's bicubic looks at, before it is widened. */
const BICUBIC_SUPPORT = 2;

/** Their memory is scratch: no call leaves anything in it for the next. */
const kernels = resampleKernels();

/** For each output position: where its window starts, how long it is, its fixed-point weights. */
interface Windows {
  starts: Int32Array;
  lengths: Int32Array;
  /** Shape [outputs, stride]. */
  weights: Int32Array;
  stride: number;
}

/**
 * Resizes as Pillow's `resize(size, BICUBIC)` does, equal in every byte: columns first, then rows,
 * with 8 bits between, and a kernel widened by the scale when shrinking.
 */
export function resample(image: RgbImage, { width, height }: PixelSize): RgbImage {
  const columns = width === image.width ? image : resampleColumns(image, width);
  return height === image.height ? columns : resampleRows(columns, height);
}

function resampleColumns({ data, width, height }: RgbImage, newWidth: number): RgbImage {
  const { starts, weights, stride } = bicubicWindows(width, newWidth);
  const rowBytes = width * CHANNELS;
  const newRowBytes = newWidth * CHANNELS;
  const scratch = new Scratch();
  const weightsAt = scratch.takeFor(weights);
  const startsAt = scratch.takeFor(starts.map((start) => start * CHANNELS));
  // Windows that are shorter than the longest read on, with weights of zero.
  const sourceAt = scratch.take(rowBytes + (stride + 1) * CHANNELS);
  const targetAt = scratch.take(newRowBytes + 1);
  const source = scratch.bytes(sourceAt, rowBytes);
  const target = scratch.bytes(targetAt, newRowBytes);

  const result = new Uint8Array(newRowBytes * height);
  const end = targetAt + newRowBytes;
  for (let y = 0; y < height; y++) {
    source.set(data.subarray(y * rowBytes, (y + 1) * rowBytes));
    kernels.columns(sourceAt, targetAt, startsAt, weightsAt, end, stride * 4);
    result.set(target, y * newRowBytes);
  }
  return { data: result, width: newWidth, height };
}

/** Bytes of a picture that are in the kernels' memory at once, whatever its size. */
const STRIP_BYTES = 2 ** 23;

/** Strip by strip: as many columns as fit, of all rows. */
function resampleRows({ data, width, height }: RgbImage, newHeight: number): RgbImage {
  const { starts, lengths, weights, stride } = bicubicWindows(height, newHeight);
  const rowBytes = width * CHANNELS;
  const fitting = Math.max(1, Math.floor(STRIP_BYTES / height / STEP)) * STEP;
  const stripBytes = Math.min(fitting, Math.ceil(rowBytes / STEP) * STEP);
  const scratch = new Scratch();
  const weightsAt = scratch.takeFor(weights);
  const sourceAt = scratch.take(height * stripBytes);
  const targetAt = scratch.take(stripBytes);
  const source = scratch.bytes(sourceAt, height * stripBytes);

  const result = new Uint8Array(rowBytes * newHeight);
  for (let left = 0; left < rowBytes; left += stripBytes) {
    const length = Math.min(stripBytes, rowBytes - left);
    for (let y = 0; y < height; y++) {
      const from = y * rowBytes + left;
      source.set(data.subarray(from, from + length), y * stripBytes);
    }
    const target = scratch.bytes(targetAt, length);
    for (let y = 0; y < newHeight; y++) {
      const first = weightsAt + y * stride * 4;
      const from = sourceAt + starts[y]! * stripBytes;
      kernels.rows(from, targetAt, stripBytes, first, first + lengths[y]! * 4, targetAt + length);
      result.set(target, y * rowBytes + left);
    }
  }
  return { data: result, width, height: newHeight };
}

const PAGE_BYTES = 2 ** 16;

/** Gives out the kernels' memory place by place; it grows when it must, and has its buffer after that. */
class Scratch {
  #end = 0;

  take(length: number): number {
    const place = this.#end;
    this.#end = Math.ceil((place + length) / STEP) * STEP;
    const missing = this.#end - kernels.memory.buffer.byteLength;
    if (missing > 0) {
      kernels.memory.grow(Math.ceil(missing / PAGE_BYTES));
    }
    return place;
  }

  bytes(place: number, length: number): Uint8Array {
    return new Uint8Array(kernels.memory.buffer, place, length);
  }

  /** A place with these in it. */
  takeFor(values: Int32Array): number {
    const place = this.take(values.byteLength);
    new Int32Array(kernels.memory.buffer, place, values.length).set(values);
    return place;
  }
}

function bicubicWindows(inputs: number, outputs: number): Windows {
  const scale = inputs / outputs;
  const widening = Math.max(scale, 1);
  const support = BICUBIC_SUPPORT * widening;
  const stride = Math.ceil(support) * 2 + 1;

  const starts = new Int32Array(outputs);
  const lengths = new Int32Array(outputs);
  const weights = new Int32Array(outputs * stride);
  for (let output = 0; output < outputs; output++) {
    const center = (output + 0.5) * scale;
    const start = Math.max(Math.trunc(center - support + 0.5), 0);
    const length = Math.min(Math.trunc(center + support + 0.5), inputs) - start;
    starts[output] = start;
    lengths[output] = length;
    weights.set(fixedPointWeights(start - center + 0.5, length, widening), output * stride);
  }
  return { starts, lengths, weights, stride };
}

/** `length` weights that sum to 1, of pixels at distance `first`, `first + 1` … from the centre. */
function fixedPointWeights(first: number, length: number, widening: number): number[] {
  const shrink = 1 / widening;
  const weights = Array.from({ length }, (_, tap) => bicubic((tap + first) * shrink));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => {
    const scaled = (sum === 0 ? weight : weight / sum) * 2 ** PRECISION_BITS;
    return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  });
}

/** Keys' cubic with a = −0.5. */
function bicubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) {
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  }
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}
