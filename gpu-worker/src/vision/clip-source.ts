import { ApiError } from "@qwen3-vl/shared/errors";
import type { Frame, Stream } from "node-av";
import { Decoder, Demuxer, Scaler } from "node-av/api";
import {
  AVSEEK_FLAG_BACKWARD,
  AV_CODEC_ID_AV1,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_MJPEG,
  AV_CODEC_ID_MPEG1VIDEO,
  AV_CODEC_ID_MPEG2VIDEO,
  AV_CODEC_ID_MPEG4,
  AV_CODEC_ID_PRORES,
  AV_CODEC_ID_VP8,
  AV_CODEC_ID_VP9,
  AV_NOPTS_VALUE,
  AV_PKT_DATA_DISPLAYMATRIX,
  AV_PKT_FLAG_KEY,
} from "node-av/constants";

import { sniffContainer } from "./clip-container.ts";
import { quarterTurns, rotate } from "./frame-rotation.ts";
import type { RgbImage } from "./resample.ts";

/** Decoders that are used. JPEG 2000 and the hundreds of others are attack surface and no clips. */
const CODECS: ReadonlySet<number> = new Set<number>([
  AV_CODEC_ID_AV1,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_MJPEG,
  AV_CODEC_ID_MPEG1VIDEO,
  AV_CODEC_ID_MPEG2VIDEO,
  AV_CODEC_ID_MPEG4,
  AV_CODEC_ID_PRORES,
  AV_CODEC_ID_VP8,
  AV_CODEC_ID_VP9,
]);

/** Pixels of one source frame: 8K. */
const MAX_FRAME_PIXELS = 7680 * 4320;

/** Frames of a clip: a day at 20 a second; each costs 16 bytes in the index. */
const MAX_INDEXED_FRAMES = 2_000_000;

interface IndexedFrame {
  pts: bigint;
  isKey: boolean;
}

/**
 * A clip that FFmpeg reads from memory, by no protocol. Its packets are counted once, so that frames
 * are addressed exactly by their place in presentation order.
 */
export class ClipSource implements AsyncDisposable {
  /** As the container tells it, in frames a second. */
  readonly averageFps: number;
  /** As the frames' times tell it; another where the rate varies. */
  readonly measuredFps: number;
  /** Upright, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly #bytes: Buffer;
  readonly #input: Demuxer;
  readonly #stream: Stream;
  readonly #index: readonly IndexedFrame[];
  readonly #turns: number;

  private constructor(bytes: Buffer, input: Demuxer, stream: Stream, index: IndexedFrame[]) {
    this.#bytes = bytes;
    this.#input = input;
    this.#stream = stream;
    this.#index = index;
    this.#turns = quarterTurns(stream.codecpar.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX));
    const { width, height } = stream.codecpar;
    const isOnItsSide = this.#turns % 2 === 1;
    this.width = isOnItsSide ? height : width;
    this.height = isOnItsSide ? width : height;
    this.measuredFps = measuredRate(index, stream);
    const { num, den } = stream.avgFrameRate;
    this.averageFps = positive(num / den) ?? this.measuredFps;
  }

  get frames(): number {
    return this.#index.length;
  }

  /** @throws ApiError `invalid_media` for anything that is no clip of a known kind */
  static async open(bytes: Uint8Array): Promise<ClipSource> {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const input = await openInput(buffer);
    const stream = input.video();
    if (stream === undefined) {
      throw invalid("expected a clip with pictures, got none in it");
    }
    assertDecodable(stream);
    const index = await indexFrames(input, stream.index);
    return new ClipSource(buffer, input, stream, index);
  }

  /** Decodes the frames of these places, ascending; places that repeat are given again. */
  async *decode(places: readonly number[]): AsyncGenerator<RgbImage> {
    // The index has read the packets to their end; a fresh input begins again.
    await using input = await openInput(this.#bytes);
    const stream = input.streams[this.#stream.index];
    if (stream === undefined) {
      throw damaged();
    }
    using scaler = new Scaler();
    let next = 0;
    for (const segment of segmentsOf(places, this.#index)) {
      const wanted = segment.map((place) => this.#index[place]?.pts ?? 0n);
      if (segment[0] !== 0) {
        const timestamp = this.#keyBefore(segment[0] ?? 0);
        await input.seek(secondsOf(timestamp, stream), stream.index, AVSEEK_FLAG_BACKWARD);
      }
      for await (const image of this.#decodeSegment(input, stream, wanted, scaler)) {
        next++;
        yield image;
      }
    }
    if (next !== places.length) {
      throw damaged();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
  }

  async *#decodeSegment(
    input: Demuxer,
    stream: Stream,
    wanted: readonly bigint[],
    scaler: Scaler,
  ): AsyncGenerator<RgbImage> {
    using decoder = await Decoder.create(stream);
    let next = 0;
    let last: RgbImage | undefined;
    for await (using frame of decoder.frames(input.packets(stream.index))) {
      if (frame === null) {
        continue;
      }
      const pts = timeOf(frame);
      // A frame that the decoder lost is replaced by the next one that it has.
      while (next < wanted.length && pts >= (wanted[next] ?? 0n)) {
        last = rotate(await toRgb(frame, scaler), this.#turns);
        next++;
        yield last;
      }
      if (next === wanted.length) {
        return;
      }
    }
    if (last !== undefined) {
      yield* Array<RgbImage>(wanted.length - next).fill(last);
    }
  }

  #keyBefore(place: number): bigint {
    for (let index = place; index > 0; index--) {
      const frame = this.#index[index];
      if (frame?.isKey === true) {
        return frame.pts;
      }
    }
    return this.#index[0]?.pts ?? 0n;
  }
}

/** Decoding on costs less than seeking where fewer frames than this lie between. */
const SEEK_DISTANCE = 120;

/** Runs of places that are decoded in one go: a new one begins where a key frame lies between, far enough on. */
function* segmentsOf(
  places: readonly number[],
  index: readonly IndexedFrame[],
): Generator<readonly number[]> {
  let segment: number[] = [];
  for (const place of places) {
    const last = segment.at(-1);
    if (last !== undefined && place - last > SEEK_DISTANCE && hasKey(index, last + 1, place)) {
      yield segment;
      segment = [];
    }
    segment.push(place);
  }
  if (segment.length > 0) {
    yield segment;
  }
}

function hasKey(index: readonly IndexedFrame[], from: number, to: number): boolean {
  for (let place = to; place >= from; place--) {
    if (index[place]?.isKey === true) {
      return true;
    }
  }
  return false;
}

async function openInput(bytes: Buffer): Promise<Demuxer> {
  const format = sniffContainer(bytes);
  try {
    return await Demuxer.open(bytes, { format });
  } catch (cause) {
    throw invalid("the clip is damaged: it cannot be opened", cause);
  }
}

function assertDecodable({ codecpar }: Stream): void {
  if (!CODECS.has(codecpar.codecId)) {
    throw invalid("expected H.264, H.265, VP8, VP9, AV1, MPEG-1, -2 or -4, ProRes or MJPEG");
  }
  const { width, height } = codecpar;
  if (width < 1 || height < 1 || width * height > MAX_FRAME_PIXELS) {
    throw new ApiError(
      "media_too_large",
      `expected frames of at most ${MAX_FRAME_PIXELS} pixels, got ${width} x ${height}`,
    );
  }
}

/** All frames in presentation order. */
async function indexFrames(input: Demuxer, streamIndex: number): Promise<IndexedFrame[]> {
  const frames: IndexedFrame[] = [];
  for await (using packet of input.packets(streamIndex)) {
    if (packet === null) {
      break;
    }
    const pts = packet.pts === AV_NOPTS_VALUE ? packet.dts : packet.pts;
    frames.push({ pts, isKey: packet.hasFlags(AV_PKT_FLAG_KEY) });
    if (frames.length > MAX_INDEXED_FRAMES) {
      throw new ApiError(
        "media_too_large",
        `expected a clip of at most ${MAX_INDEXED_FRAMES} frames`,
      );
    }
  }
  if (frames.length === 0) {
    throw invalid("expected a clip with frames, got none");
  }
  return frames.toSorted((a, b) => Number(a.pts - b.pts));
}

/** By the times of the frames; 1 where they tell none, so that a single frame has the time 0. */
function measuredRate(index: readonly IndexedFrame[], { timeBase }: Stream): number {
  const span = Number((index.at(-1)?.pts ?? 0n) - (index[0]?.pts ?? 0n));
  return positive(((index.length - 1) * timeBase.den) / (span * timeBase.num)) ?? 1;
}

function positive(value: number): number | undefined {
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

function timeOf(frame: Frame): bigint {
  return frame.bestEffortTimestamp === AV_NOPTS_VALUE ? frame.pktDts : frame.bestEffortTimestamp;
}

function secondsOf(pts: bigint, { timeBase }: Stream): number {
  return (Number(pts) * timeBase.num) / timeBase.den;
}

async function toRgb(frame: Frame, scaler: Scaler): Promise<RgbImage> {
  const { width, height } = frame;
  return { data: await scaler.toBuffer(frame, { format: "rgb" }), width, height };
}

function damaged(): ApiError {
  return invalid("the clip is damaged: some of its frames cannot be decoded");
}

function invalid(message: string, cause?: unknown): ApiError {
  return new ApiError("invalid_media", message, { cause });
}
