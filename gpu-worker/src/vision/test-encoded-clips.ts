import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  Codec,
  CodecContext,
  Dictionary,
  FormatContext,
  Frame,
  Log,
  Packet,
  Rational,
} from "node-av";
import type { Stream } from "node-av";
import {
  AVFMT_GLOBALHEADER,
  AV_LOG_QUIET,
  AVMEDIA_TYPE_VIDEO,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_PIX_FMT_YUV420P,
  AV_PKT_DATA_DISPLAYMATRIX,
  FF_ENCODER_LIBX264,
} from "node-av/constants";
import type { AVColorSpace, FFEncoderCodec } from "node-av/constants";

/** A clip to make; for tests. */
export interface ClipSpec {
  /** FFmpeg's name of an encoder, e.g. `libx264`. */
  encoder: FFEncoderCodec;
  /** FFmpeg's name of a muxer, e.g. `mp4`. */
  muxer: string;
  frames: number;
  /** Frames a second; 25 where not given. */
  fps?: number;
  width?: number;
  height?: number;
  /** Frames from one key frame to the next. */
  keyDistance?: number;
  /** Frames between references that need the next one. */
  bFrames?: number;
  colorSpace?: AVColorSpace;
  /** Nine 32-bit numbers: how a player turns the frames. */
  displayMatrix?: Buffer;
  muxerOptions?: Record<string, string>;
  encoderOptions?: Record<string, string>;
  /** Luma of the left and of the right half of a frame. */
  lumaOf?: (place: number) => readonly [left: number, right: number];
  /** Fills the luma of a frame instead: a plane of rows that are `stride` bytes apart. */
  fillLuma?: (plane: Uint8Array, stride: number, place: number) => void;
  /** Cb and Cr of all frames; grey where not given. */
  chroma?: readonly [blue: number, red: number];
}

/** FFmpeg's name of the encoder of H.264. */
export const H264_ENCODER = FF_ENCODER_LIBX264;

const DEFAULT_FPS = 25;

const STEP = 14;
const DARKEST = 16;

/** Tells up to 256 frames apart: the place in base 16, a digit in each half. */
function placeLuma(place: number): [number, number] {
  return [DARKEST + STEP * (place % 16), DARKEST + STEP * (Math.floor(place / 16) % 16)];
}

/** Encoders tell much about themselves on standard error. */
export function silenceEncoders(): void {
  Log.setLevel(AV_LOG_QUIET);
}

/** Encodes a clip with FFmpeg, its halves grey. */
export function encodeClip(spec: ClipSpec): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "encoded-clip-"));
  try {
    const file = join(folder, "clip");
    writeClip(spec, file);
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writeClip(spec: ClipSpec, file: string): void {
  const output = new FormatContext();
  check(output.allocOutputContext2(null, spec.muxer, file), "find the muxer");
  const needsHeader = output.oformat?.hasFlags(AVFMT_GLOBALHEADER) ?? false;
  using encoder = openEncoder(spec, needsHeader);
  const stream = output.newStream();
  check(stream.codecpar.fromContext(encoder), "describe the stream");
  stream.timeBase = encoder.timeBase;
  stream.avgFrameRate = encoder.framerate;
  if (spec.displayMatrix !== undefined) {
    stream.codecpar.addCodedSideData(AV_PKT_DATA_DISPLAYMATRIX, spec.displayMatrix);
  }
  check(output.openOutputSync(), "open the file");
  check(output.writeHeaderSync(Dictionary.fromObject(spec.muxerOptions ?? {})), "write the header");
  using frame = blankFrame(encoder);
  for (let place = 0; place < spec.frames; place++) {
    paint(frame, spec, place);
    frame.pts = BigInt(place);
    check(encoder.sendFrameSync(frame), "encode");
    writePackets(encoder, output, stream);
  }
  check(encoder.sendFrameSync(null), "end the encoding");
  writePackets(encoder, output, stream);
  check(output.writeTrailerSync(), "write the trailer");
  output.closeOutputSync();
}

function openEncoder(spec: ClipSpec, needsHeader: boolean): CodecContext {
  const codec = Codec.findEncoderByName(spec.encoder);
  const encoder = new CodecContext();
  encoder.allocContext3(codec);
  encoder.codecType = AVMEDIA_TYPE_VIDEO;
  encoder.width = spec.width ?? 64;
  encoder.height = spec.height ?? 64;
  encoder.pixelFormat = AV_PIX_FMT_YUV420P;
  const fps = spec.fps ?? DEFAULT_FPS;
  encoder.timeBase = new Rational(1, fps);
  encoder.framerate = new Rational(fps, 1);
  encoder.gopSize = spec.keyDistance ?? 12;
  encoder.maxBFrames = spec.bFrames ?? 0;
  encoder.threadCount = 1;
  if (spec.colorSpace !== undefined) {
    encoder.colorSpace = spec.colorSpace;
  }
  for (const [name, value] of Object.entries(spec.encoderOptions ?? {})) {
    check(encoder.setOption(name, value), `set ${name}`);
  }
  if (needsHeader) {
    encoder.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  }
  check(encoder.open2Sync(codec), "open the encoder");
  return encoder;
}

function blankFrame(encoder: CodecContext): Frame {
  const frame = new Frame();
  frame.alloc();
  frame.width = encoder.width;
  frame.height = encoder.height;
  frame.format = encoder.pixelFormat;
  check(frame.getBuffer(), "allocate a frame");
  return frame;
}

function paint(frame: Frame, spec: ClipSpec, place: number): void {
  check(frame.makeWritable(), "paint a frame");
  const [luma = Buffer.alloc(0), ...planes] = frame.data ?? [];
  const stride = frame.linesize[0] ?? 0;
  if (spec.fillLuma === undefined) {
    const [left, right] = (spec.lumaOf ?? placeLuma)(place);
    for (let y = 0; y < frame.height; y++) {
      luma.fill(left, y * stride, y * stride + frame.width / 2);
      luma.fill(right, y * stride + frame.width / 2, y * stride + frame.width);
    }
  } else {
    spec.fillLuma(luma, stride, place);
  }
  for (const [index, value] of (spec.chroma ?? [128, 128]).entries()) {
    planes[index]?.fill(value);
  }
}

function writePackets(encoder: CodecContext, output: FormatContext, stream: Stream): void {
  using packet = new Packet();
  packet.alloc();
  while (encoder.receivePacketSync(packet) >= 0) {
    packet.streamIndex = stream.index;
    packet.duration = 1n;
    packet.rescaleTs(encoder.timeBase, stream.timeBase);
    check(output.interleavedWriteFrameSync(packet), "write a packet");
  }
}

function check(status: number, what: string): void {
  if (status < 0) {
    throw new Error(`cannot ${what}: FFmpeg says ${status}`);
  }
}
