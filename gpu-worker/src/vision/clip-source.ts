import { ApiError } from "@qwen3-vl/shared/errors";
import type { Frame, Packet, Stream } from "node-av";
import { AV_NOPTS_VALUE, AV_PKT_DATA_DISPLAYMATRIX } from "node-av/constants";

import type { ClipBytes } from "./clip-bytes.ts";
import { ClipDecoder } from "./clip-decoder.ts";
import { ClipDemuxer } from "./clip-demuxer.ts";
import { damagedClip } from "./clip-errors.ts";
import { decodedFrames, indexFrames, segmentsOf } from "./frame-index.ts";
import type { FrameIndex, Segment } from "./frame-index.ts";
import { quarterTurns } from "./frame-rotation.ts";
import type { RgbImage } from "./resample.ts";
import { RgbConverter } from "./rgb-converter.ts";

/** Frames to go through for one clip: two hours at 30 a second, all of them. Time is limited as well. */
const MAX_DECODED_FRAMES = 250_000;

/** A clip whose packets were counted once, so that frames are addressed exactly by their place in presentation order. */
export class ClipSource {
  /** As the container tells it, in frames a second. */
  readonly averageFps: number;
  /** As the frames' times tell it; another where the rate varies. */
  readonly measuredFps: number;
  /** Upright, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly #clip: ClipBytes;
  readonly #index: FrameIndex;
  readonly #turns: number;

  /** @throws ApiError for anything that is no clip of a known kind */
  constructor(clip: ClipBytes) {
    using demuxer = ClipDemuxer.open(clip);
    const { stream } = demuxer;
    const { width, height } = stream.codecpar;
    this.#clip = clip;
    this.#index = indexFrames(demuxer);
    this.#turns = quarterTurns(stream.codecpar.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX));
    const isOnItsSide = this.#turns % 2 === 1;
    this.width = isOnItsSide ? height : width;
    this.height = isOnItsSide ? width : height;
    this.measuredFps = measuredRate(this.#index, stream);
    const { num, den } = stream.avgFrameRate;
    this.averageFps = positive(num / den) ?? this.measuredFps;
  }

  get frames(): number {
    return this.#index.times.length;
  }

  /**
   * Decodes the frames of these places, ascending; a place that repeats is given again.
   *
   * @throws ApiError when too many others would have to be decoded on the way
   */
  *decode(places: readonly number[]): Generator<RgbImage> {
    const segments = segmentsOf(places, this.#index);
    const count = decodedFrames(segments);
    if (count > MAX_DECODED_FRAMES) {
      throw new ApiError(
        "media_too_large",
        `expected a clip with at most ${MAX_DECODED_FRAMES} frames to decode, got ${count}: its key frames are far apart`,
      );
    }
    // The first one has read its packets to their end; a fresh one begins again.
    using demuxer = ClipDemuxer.open(this.#clip);
    using converter = new RgbConverter(this.#turns);
    for (const segment of segments) {
      yield* this.#decodeSegment(demuxer, converter, segment);
    }
  }

  *#decodeSegment(
    demuxer: ClipDemuxer,
    converter: RgbConverter,
    { from, places }: Segment,
  ): Generator<RgbImage> {
    if (from !== undefined) {
      demuxer.seek(this.#index.seekTimes?.[from] ?? 0);
    }
    const { isTimed, times } = this.#index;
    const wanted = places.map((place) => (isTimed ? (times[place] ?? Infinity) : place));
    const needed = new Set(wanted);
    const isNeeded = ({ pts }: Packet) => !isTimed || needed.has(Number(pts));
    using decoder = new ClipDecoder(demuxer.stream);
    let counted = 0;
    let next = 0;
    let image: RgbImage | undefined;
    for (const frame of decoder.frames(demuxer.packets(), isNeeded)) {
      const position = isTimed ? timeOf(frame) : counted++;
      // A frame that the decoder lost is replaced by the next one that it has.
      const following = wanted.findIndex((place, index) => index >= next && place > position);
      const end = following === -1 ? wanted.length : following;
      if (end > next) {
        image = converter.convert(frame);
        yield* Array<RgbImage>(end - next).fill(image);
        next = end;
      }
      if (next === wanted.length) {
        return;
      }
    }
    if (image === undefined) {
      throw damagedClip();
    }
    // What is lost at the end is replaced by the last frame that there is.
    yield* Array<RgbImage>(wanted.length - next).fill(image);
  }
}

/** By the times of the frames; 1 where they tell none, so that a single frame has the time 0. */
function measuredRate({ times }: FrameIndex, { timeBase }: Stream): number {
  const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return positive(((times.length - 1) * timeBase.den) / (span * timeBase.num)) ?? 1;
}

function positive(value: number): number | undefined {
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

function timeOf({ bestEffortTimestamp, pts }: Frame): number {
  return Number(pts === AV_NOPTS_VALUE ? bestEffortTimestamp : pts);
}
