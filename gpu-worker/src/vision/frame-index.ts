import { ApiError } from "@qwen3-vl/shared/errors";
import { AV_NOPTS_VALUE, AV_PKT_FLAG_DISCARD } from "node-av/constants";

import type { Container } from "./clip-container.ts";
import type { ClipDemuxer } from "./clip-demuxer.ts";
import { invalidClip } from "./clip-errors.ts";

/** Frames of a clip: a day at 23 a second. Each costs 17 bytes in the index, and some 50 while it is made. */
const MAX_INDEXED_FRAMES = 2_000_000;

/** Where the frames of a clip are, in presentation order. */
export interface FrameIndex {
  /** Of each frame, ascending, in the stream's units. */
  times: Float64Array;
  /** Whether a frame can be decoded without others: 1 or 0. */
  isKey: Uint8Array;
  /**
   * Whether the times are those of presentation. Where a container tells only times of decoding (H.264
   * in AVI) or none (bare MPEG), frames are found by counting what the decoder gives.
   */
  isTimed: boolean;
  /**
   * Of each frame, what to ask the container for to get there; undefined where it has no table of key
   * frames (MPEG): a search by time ends somewhere after the key frame.
   */
  seekTimes: Float64Array | undefined;
}

/** Containers with a table of key frames, and the times that it goes by. */
const SEEKS_BY: Partial<Record<Container, "pts" | "dts">> = {
  mov: "dts",
  matroska: "pts",
  avi: "dts",
};

/** Counts a clip's packets without decoding them; those that an edit list cuts away do not count. */
export function indexFrames(demuxer: ClipDemuxer): FrameIndex {
  const frames: { time: number; seekTime: number; isKey: boolean }[] = [];
  const seeksBy = SEEKS_BY[demuxer.container];
  let isTimed = true;
  for (const packet of demuxer.packets()) {
    if (packet.hasFlags(AV_PKT_FLAG_DISCARD)) {
      continue;
    }
    isTimed &&= packet.pts !== AV_NOPTS_VALUE;
    const time = packetTime(packet.pts, packet.dts);
    const seekTime = seeksBy === "dts" ? packetTime(packet.dts, packet.pts) : time;
    frames.push({ time, seekTime, isKey: packet.isKeyframe });
    if (frames.length > MAX_INDEXED_FRAMES) {
      throw new ApiError(
        "media_too_large",
        `expected a clip of at most ${MAX_INDEXED_FRAMES} frames, got more`,
      );
    }
  }
  if (frames.length === 0) {
    throw invalidClip("expected a clip with frames, got none in it");
  }
  frames.sort((a, b) => a.time - b.time);
  return {
    times: Float64Array.from(frames, ({ time }) => time),
    isKey: Uint8Array.from(frames, ({ isKey }) => Number(isKey)),
    isTimed,
    seekTimes:
      isTimed && seeksBy !== undefined
        ? Float64Array.from(frames, ({ seekTime }) => seekTime)
        : undefined,
  };
}

/** 0 for a frame without any time: the clip is not timed then. */
function packetTime(first: bigint, second: bigint): number {
  const time = first === AV_NOPTS_VALUE ? second : first;
  return time === AV_NOPTS_VALUE ? 0 : Number(time);
}

/** Frames that are decoded in one go, from a key frame to the last of the wanted ones. */
export interface Segment {
  /** The key frame to begin with; undefined: go on, or begin where the clip begins. */
  from: number | undefined;
  /** Wanted, ascending. */
  places: number[];
}

/** Seeking costs a new start of the decoder, worth about as many small frames as this. */
const SEEK_COST_FRAMES = 16;

/** Cuts ascending places into segments, so that few frames are decoded that nobody wants. */
export function segmentsOf(
  places: readonly number[],
  { isKey, seekTimes }: Pick<FrameIndex, "isKey" | "seekTimes">,
): Segment[] {
  const segments: Segment[] = [];
  let next = 0;
  for (const place of places) {
    const key = seekTimes === undefined ? -1 : isKey.lastIndexOf(1, place);
    const segment = segments.at(-1);
    if (key - next > SEEK_COST_FRAMES) {
      segments.push({ from: key, places: [place] });
    } else if (segment === undefined) {
      segments.push({ from: undefined, places: [place] });
    } else {
      segment.places.push(place);
    }
    next = place + 1;
  }
  return segments;
}

/** Frames that the decoder has to go through for these segments. */
export function decodedFrames(segments: readonly Segment[]): number {
  return segments.reduce(
    (sum, { from = 0, places }) => sum + (places.at(-1) ?? from) + 1 - from,
    0,
  );
}
