/** `npm run bench -- NAME`: timings, printed and never asserted. */
import { availableParallelism, cpus } from "node:os";

import { makeCheckpoint } from "./checkpoints/make-checkpoint.ts";
import { bundle } from "./edge/bundle.ts";
import { edge } from "./edge/edge.ts";
import { engine } from "./engine/engine.ts";
import { grammar } from "./engine/grammar.ts";
import { sampling } from "./engine/sampling.ts";
import { longClip } from "./media/long-clip.ts";
import { media } from "./media/media.ts";
import { secondQuestion } from "./media/second-question.ts";
import { precisions2b } from "./precisions/precisions-2b.ts";
import { precisions } from "./precisions/precisions.ts";
import { books } from "./serve/books.ts";
import { chat } from "./serve/chat.ts";
import { engineSoak } from "./serve/engine-soak.ts";
import { serve } from "./serve/serve.ts";
import { soak } from "./serve/soak.ts";
import { upload } from "./upload/upload.ts";

interface Benchmark {
  about: string;
  run: (parameters: readonly string[]) => Promise<void>;
}

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  books: {
    about: "2,000 requests through an edge that is killed: records against answers; [REQUESTS]",
    run: books,
  },
  bundle: { about: "size of the Worker that is deployed, and the time of its start", run: bundle },
  chat: { about: "first token, tokens per second, what the edge adds", run: chat },
  edge: {
    about: "what the edge adds to a backend, beside Portkey's gateway and LiteLLM",
    run: edge,
  },
  engine: {
    about: "speed at the 2B model's sides beside llama.cpp; [LONGEST CONTEXT]",
    run: engine,
  },
  "engine-soak": {
    about:
      "20,000 short requests of which some leave or fail, checked after every step; [REQUESTS]",
    run: engineSoak,
  },
  grammar: {
    about: "grammars over 1,000 schemas, masks and steps; [FOLDER [PRECISION]]: its steps alone",
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
  sampling: { about: "a token over the published vocabulary, under each setting", run: sampling },
  "second-question": {
    about: "first token of two questions about one picture, at the 2B model's sides",
    run: secondQuestion,
  },
  serve: {
    about: "1, 8 and 32 clients, pictures and text, beside llama.cpp; [FOLDER [PRECISION]]",
    run: serve,
  },
  soak: { about: "50 clients of whom a third leaves; what is held afterwards", run: soak },
  upload: {
    about: "a large file sent in parts, killed and resumed, and a clip of a URL; memory; [MIB]",
    run: upload,
  },
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
