/** `npm run bench -- NAME`: timings, printed and never asserted. */
import { availableParallelism, cpus } from "node:os";

import { chat } from "./chat.ts";
import { engine } from "./engine.ts";
import { grammar } from "./grammar.ts";
import { longClip } from "./long-clip.ts";
import { makeCheckpoint } from "./make-checkpoint.ts";
import { media } from "./media/media.ts";
import { precisions2b } from "./precisions-2b.ts";
import { precisions } from "./precisions.ts";
import { secondQuestion } from "./second-question.ts";
import { soak } from "./soak.ts";

interface Benchmark {
  about: string;
  run: (parameters: readonly string[]) => Promise<void>;
}

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  chat: { about: "first token, tokens per second, what the edge adds", run: chat },
  engine: {
    about: "speed at the 2B model's sides beside llama.cpp; [LONGEST CONTEXT]",
    run: engine,
  },
  grammar: {
    about: "set-up, compiling and masks of grammars; memory over 1,000 schemas",
    run: grammar,
  },
  "long-clip": {
    about: "two minutes and two hours of video; memory of the decoder",
    run: longClip,
  },
  "make-checkpoint": {
    about: "2b [FOLDER]: random weights of the 2B model's sides",
    run: makeCheckpoint,
  },
  media: { about: "a picture and a clip to patches, beside the Python references", run: media },
  precisions: { about: "size, loading, memory and answers of each precision", run: precisions },
  "precisions-2b": { about: "building and loading at the 2B model's sides", run: precisions2b },
  "second-question": {
    about: "first token of two questions about one picture, at the 2B model's sides",
    run: secondQuestion,
  },
  soak: { about: "50 clients of whom a third leaves; what is held afterwards", run: soak },
};

const [name = "", ...parameters] = process.argv.slice(2);
const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
if (benchmark === undefined) {
  console.log("Usage: npm run bench -- NAME\n");
  for (const [known, { about }] of Object.entries(BENCHMARKS)) {
    console.log(`  ${known.padEnd(18)}${about}`);
  }
  process.exitCode = 1;
} else {
  const [cpu] = cpus();
  console.log(`${cpu?.model ?? "unknown processor"}, ${availableParallelism()} cores\n`);
  await benchmark.run(parameters);
}
