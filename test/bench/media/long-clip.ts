import { setTimeout as sleep } from "node:timers/promises";

import { ChatCompletion } from "@qwen3-vl/shared/chat-completion";

import {
  encodeClip,
  H264_ENCODER,
  silenceEncoders,
} from "../../../gpu-worker/src/vision/test-encoded-clips.ts";
import { descendantsOf } from "../../support/descendants.ts";
import { MODEL } from "../../support/evaluation.ts";
import { peakMemory } from "../../support/process-figures.ts";
import { startSystem } from "../../support/running-system.ts";
import type { RunningSystem } from "../../support/running-system.ts";
import { printTable } from "../table.ts";

const FPS = 2;

const CLIPS = [
  { name: "two minutes", seconds: 120 },
  { name: "two hours", seconds: 7200 },
];

const WATCH_MS = 20;

/**
 * A clip of two minutes and one of two hours, answered by the whole system as it starts afresh: the
 * time to the answer, and the most memory that the process which decoded it ever had. Needs Linux.
 */
export async function longClip(): Promise<void> {
  silenceEncoders();
  const rows: (string | number)[][] = [
    ["clip", "MiB", "video tokens", "answer after (s)", "decoder's peak (MiB)"],
  ];
  for (const { name, seconds } of CLIPS) {
    const clip = testClip(seconds);
    await using system = await startSystem();
    const startedAt = performance.now();
    const { peak, answer } = await watched(system, () => ask(system, clip));
    const secondsTaken = (performance.now() - startedAt) / 1000;
    const { video_tokens: tokens } = answer.usage.prompt_tokens_details;
    rows.push([name, (clip.length / 2 ** 20).toFixed(1), tokens, secondsTaken.toFixed(1), peak]);
    console.log(`${name}: ${answer.choices[0]?.message.content}`);
  }
  console.log();
  printTable(rows);
}

/** A bright bar that wanders over a gradient, so that every frame differs. */
function testClip(seconds: number): Buffer {
  const [width, height] = [640, 360];
  return encodeClip({
    encoder: H264_ENCODER,
    muxer: "mp4",
    frames: seconds * FPS,
    fps: FPS,
    width,
    height,
    keyDistance: 250,
    bFrames: 2,
    encoderOptions: { preset: "ultrafast" },
    fillLuma: (plane, stride, place) => {
      for (let y = 0; y < height; y++) {
        plane.fill(40 + ((y + place) % 128), y * stride, y * stride + width);
        const bar = y * stride + ((place * 7) % (width - 32));
        plane.fill(230, bar, bar + 32);
      }
    },
  });
}

async function ask({ url, apiKey }: RunningSystem, clip: Buffer): Promise<ChatCompletion> {
  const video = { url: `data:video/mp4;base64,${clip.toString("base64")}` };
  const content = [
    { type: "video_url", video_url: video },
    { type: "text", text: "Describe this video." },
  ];
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({ model: MODEL, messages: [{ role: "user", content }], max_tokens: 24 }),
  });
  return ChatCompletion.parse(await response.json());
}

/** Does the work while the decoders below the system are watched; tells the most memory of one, in MiB. */
async function watched<T>(
  { pid }: RunningSystem,
  work: () => Promise<T>,
): Promise<{ peak: number; answer: T }> {
  let peak = 0;
  const done = new AbortController();
  const watch = async () => {
    while (!done.signal.aborted) {
      peak = Math.max(peak, ...(await Promise.all((await decodersOf(pid)).map(peakMemory))));
      await sleep(WATCH_MS);
    }
  };
  const watching = watch();
  const answer = await work().finally(() => done.abort());
  await watching;
  return { peak, answer };
}

async function decodersOf(pid: number): Promise<number[]> {
  const all = await descendantsOf(pid);
  return all.filter(({ command }) => command.includes("clip-worker.ts")).map((it) => it.pid);
}
