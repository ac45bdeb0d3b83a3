import { availableParallelism } from "node:os";

import { Codec, CodecContext, Frame } from "node-av";
import type { Packet, Stream } from "node-av";
import {
  AV_CODEC_ID_H264,
  AV_CODEC_ID_MPEG1VIDEO,
  AV_CODEC_ID_MPEG2VIDEO,
  AV_CODEC_ID_MPEG4,
} from "node-av/constants";

import { MAX_FRAME_PIXELS } from "./clip-demuxer.ts";
import { damagedClip } from "./clip-errors.ts";

/** Each thread holds frames of its own; beyond four, memory grows more than speed. */
const MAX_THREADS = 4;

/**
 * Codecs in which a packet tells whether another frame may need its own: B frames of MPEG never, and
 * those of H.264 that say so. In H.265, frames of a higher layer may.
 */
const TELL_REFERENCES: ReadonlySet<number> = new Set([
  AV_CODEC_ID_H264,
  AV_CODEC_ID_MPEG1VIDEO,
  AV_CODEC_ID_MPEG2VIDEO,
  AV_CODEC_ID_MPEG4,
]);

/** Turns packets into frames, in presentation order. */
export class ClipDecoder implements Disposable {
  readonly #context = new CodecContext();
  readonly #frame = new Frame();
  readonly #skips: boolean;
  #isSkipping = false;

  constructor({ codecpar, timeBase }: Stream) {
    const codec = Codec.findDecoder(codecpar.codecId);
    this.#skips = TELL_REFERENCES.has(codecpar.codecId);
    this.#context.allocContext3(codec);
    this.#frame.alloc();
    this.#context.parametersToContext(codecpar);
    this.#context.pktTimebase = timeBase;
    this.#context.threadCount = Math.min(availableParallelism(), MAX_THREADS);
    // A stream may change its size on the way.
    this.#context.setOption("max_pixels", String(MAX_FRAME_PIXELS));
    if (this.#context.open2Sync(codec) < 0) {
      throw damagedClip();
    }
  }

  /**
   * Frames of these packets; each is the same object, and gone when the next is asked for.
   *
   * @param isNeeded of a packet's frame; others may be left out where no frame depends on them, which
   * halves the time of a common clip with B frames
   */
  *frames(packets: Iterable<Packet>, isNeeded: (packet: Packet) => boolean): Generator<Frame> {
    for (const packet of packets) {
      this.#skip(!isNeeded(packet));
      // A packet that cannot be decoded costs its frame, and the next one stands for it.
      this.#context.sendPacketSync(packet);
      yield* this.#received();
    }
    this.#context.sendPacketSync(null);
    yield* this.#received();
  }

  [Symbol.dispose](): void {
    this.#frame.free();
    this.#context.freeContext();
  }

  #skip(isSkipping: boolean): void {
    if (this.#skips && isSkipping !== this.#isSkipping) {
      this.#context.setOption("skip_frame", isSkipping ? "noref" : "default");
      this.#isSkipping = isSkipping;
    }
  }

  *#received(): Generator<Frame> {
    while (this.#context.receiveFrameSync(this.#frame) >= 0) {
      yield this.#frame;
      this.#frame.unref();
    }
  }
}
