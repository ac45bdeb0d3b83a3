import { availableParallelism } from "node:os";

import { Codec, CodecContext, Frame } from "node-av";
import type { Packet, Stream } from "node-av";

import { MAX_FRAME_PIXELS } from "./clip-demuxer.ts";
import { damagedClip } from "./clip-errors.ts";

/** Each thread holds frames of its own; beyond four, memory grows more than speed. */
const MAX_THREADS = 4;

/** Turns packets into frames, in presentation order. */
export class ClipDecoder implements Disposable {
  readonly #context = new CodecContext();
  readonly #frame = new Frame();

  constructor({ codecpar, timeBase }: Stream) {
    const codec = Codec.findDecoder(codecpar.codecId);
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

  /** All frames of these packets; each is the same object, and gone when the next is asked for. */
  *frames(packets: Iterable<Packet>): Generator<Frame> {
    for (const packet of packets) {
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

  *#received(): Generator<Frame> {
    while (this.#context.receiveFrameSync(this.#frame) >= 0) {
      yield this.#frame;
      this.#frame.unref();
    }
  }
}
