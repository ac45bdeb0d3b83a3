import { ApiError } from "@qwen3-vl/shared/errors";
import { Dictionary, FormatContext, IOContext, InputFormat, Packet } from "node-av";
import type { Stream } from "node-av";
import {
  AVDISCARD_ALL,
  AVERROR_EOF,
  AVFMT_FLAG_CUSTOM_IO,
  AVMEDIA_TYPE_VIDEO,
  AVSEEK_CUR,
  AVSEEK_END,
  AVSEEK_FLAG_BACKWARD,
  AVSEEK_SIZE,
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
} from "node-av/constants";

import { openClip } from "./clip-bytes.ts";
import type { ClipBytes, ClipReader } from "./clip-bytes.ts";
import { SNIFFED_BYTES, sniffContainer } from "./clip-container.ts";
import type { Container } from "./clip-container.ts";
import { damagedClip, invalidClip } from "./clip-errors.ts";

/**
 * Codecs that are decoded, with the names of FFmpeg's decoders. JPEG 2000 and the hundreds of others
 * are attack surface and no clips.
 */
const DECODERS: ReadonlyMap<number, string> = new Map<number, string>([
  [AV_CODEC_ID_AV1, "libdav1d"],
  [AV_CODEC_ID_H264, "h264"],
  [AV_CODEC_ID_HEVC, "hevc"],
  [AV_CODEC_ID_MJPEG, "mjpeg"],
  [AV_CODEC_ID_MPEG1VIDEO, "mpeg1video"],
  [AV_CODEC_ID_MPEG2VIDEO, "mpeg2video"],
  [AV_CODEC_ID_MPEG4, "mpeg4"],
  [AV_CODEC_ID_PRORES, "prores"],
  [AV_CODEC_ID_VP8, "vp8"],
  [AV_CODEC_ID_VP9, "vp9"],
]);

/** Pixels of one source frame: 8K. */
export const MAX_FRAME_PIXELS = 7680 * 4320;

/** Bytes that FFmpeg reads at once. */
const READ_BYTES = 64 * 1024;

/** A clip that we read for it, taken apart by FFmpeg, which opens nothing else: no file, no protocol, no other format. */
export class ClipDemuxer implements Disposable {
  /** The stream of pictures. */
  readonly stream: Stream;
  readonly container: Container;
  readonly #context: FormatContext;
  readonly #io: IOContext;
  readonly #reader: ClipReader;
  readonly #packet = new Packet();

  private constructor(opened: Opened, reader: ClipReader, container: Container) {
    const { context, io } = opened;
    this.#context = context;
    this.#io = io;
    this.#reader = reader;
    this.container = container;
    this.stream = pictureStream(context);
    this.#packet.alloc();
  }

  /** @throws ApiError for anything that is no clip of a known kind */
  static open(clip: ClipBytes): ClipDemuxer {
    using parts = new DisposableStack();
    const reader = parts.use(openClip(clip));
    const container = sniffContainer(reader.read(0, SNIFFED_BYTES));
    const opened = { context: new FormatContext(), io: contextOf(reader) };
    parts.adopt(opened, close);
    openContext(opened, container);
    const demuxer = new ClipDemuxer(opened, reader, container);
    parts.move(); // from here on they are the demuxer's
    return demuxer;
  }

  /** The stream's packets from here on; each is the same object, and gone when the next is asked for. */
  *packets(): Generator<Packet> {
    for (;;) {
      this.#packet.unref();
      const status = this.#context.readFrameSync(this.#packet);
      if (status === AVERROR_EOF) {
        return;
      }
      if (status < 0) {
        throw damagedClip();
      }
      if (this.#packet.streamIndex === this.stream.index) {
        yield this.#packet;
      }
    }
  }

  /** Goes to the last key frame of the container's table at or before `time`, in the stream's units. */
  seek(time: number): void {
    const { index } = this.stream;
    if (this.#context.seekFrameSync(index, BigInt(time), AVSEEK_FLAG_BACKWARD) < 0) {
      throw damagedClip();
    }
  }

  [Symbol.dispose](): void {
    this.#packet.free();
    close({ context: this.#context, io: this.#io });
    this.#reader[Symbol.dispose]();
  }
}

interface Opened {
  context: FormatContext;
  io: IOContext;
}

function openContext({ context, io }: Opened, container: Container): void {
  context.allocContext();
  context.pb = io;
  context.setFlags(AVFMT_FLAG_CUSTOM_IO);
  const format = InputFormat.findInputFormat(container);
  // Probing opens decoders too, so the list of codecs must hold from here on.
  const options = Dictionary.fromObject({
    format_whitelist: format?.name,
    protocol_whitelist: "none",
    codec_whitelist: [...DECODERS.values()].join(","),
  });
  if (context.openInputSync("", format, options) < 0 || context.findStreamInfoSync() < 0) {
    throw invalidClip("the clip is damaged: it cannot be opened");
  }
}

function pictureStream(context: FormatContext): Stream {
  const best = context.findBestStream(AVMEDIA_TYPE_VIDEO);
  const stream = context.streams[best];
  if (best < 0 || stream === undefined) {
    throw invalidClip("expected a clip with pictures, got none in it");
  }
  assertDecodable(stream);
  for (const other of context.streams) {
    if (other.index !== stream.index) {
      other.discard = AVDISCARD_ALL;
    }
  }
  return stream;
}

function assertDecodable({ codecpar }: Stream): void {
  if (!DECODERS.has(codecpar.codecId)) {
    throw invalidClip(
      "expected a clip in H.264, H.265, VP8, VP9, AV1, MPEG-1, -2 or -4, ProRes or MJPEG, got another codec",
    );
  }
  const { width, height } = codecpar;
  if (width < 1 || height < 1) {
    throw invalidClip("the clip is damaged: it does not tell the size of its frames");
  }
  if (width * height > MAX_FRAME_PIXELS) {
    throw new ApiError(
      "media_too_large",
      `expected frames of at most ${MAX_FRAME_PIXELS} pixels, got ${width} x ${height}`,
    );
  }
}

function contextOf(reader: ClipReader): IOContext {
  const { byteLength } = reader;
  let position = 0;
  const read = (size: number) => {
    const chunk = reader.read(position, size);
    position += chunk.length;
    return chunk.length === 0 ? AVERROR_EOF : chunk;
  };
  const seek = (offset: bigint, whence: number) => {
    if ((whence & AVSEEK_SIZE) !== 0) {
      return BigInt(byteLength);
    }
    const from = whence === AVSEEK_CUR ? position : whence === AVSEEK_END ? byteLength : 0;
    position = Math.min(Math.max(from + Number(offset), 0), byteLength);
    return BigInt(position);
  };
  const io = new IOContext();
  io.allocContextWithCallbacks(READ_BYTES, 0, read, null, seek);
  return io;
}

function close({ context, io }: Opened): void {
  context.closeInputSync();
  io.freeContext();
}
