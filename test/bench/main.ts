/** `npm run bench -- NAME`: timings, printed and never asserted. */
import { availableParallelism, cpus } from "node:os";

import { chat } from "./chat.ts";
import { longClip } from "./long-clip.ts";
import { media } from "./media/media.ts";
import { soak } from "./soak.ts";

interface Benchmark {
  about: string;
  run: () => Promise<void>;
}

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  chat: { about: "first token, tokens per second, what the edge adds", run: chat },
  "long-clip": {
    about: "two minutes and two hours of video; memory of the decoder",
    run: longClip,
  },
  media: { about: "a picture and a clip to patches, beside the Python references", run: media },
  soak: { about: "50 clients of whom a third leaves; what is held afterwards", run: soak },
};

const [name = ""] = process.argv.slice(2);
const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
if (benchmark === undefined) {
  console.log("Usage: npm run bench -- NAME\n");
  for (const [known, { about }] of Object.entries(BENCHMARKS)) {
    console.log(`  ${known.padEnd(12)}${about}`);
  }
  process.exitCode = 1;
} else {
  const [cpu] = cpus();
  console.log(`${cpu?.model ?? "unknown processor"}, ${availableParallelism()} cores\n`);
  await benchmark.run();
}
