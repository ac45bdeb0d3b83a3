import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";

import { openCheckpoint } from "../../../gpu-worker/src/checkpoint.ts";
import { ClipPreprocessor } from "../../../gpu-worker/src/vision/clip-preprocessor.ts";
import { ImagePreprocessor } from "../../../gpu-worker/src/vision/image-preprocessor.ts";
import { DENSE } from "../../support/dense-model.ts";
import { median, printTable } from "../table.ts";
import { findPython, startReference } from "./python.ts";
import type { Answer, Reference } from "./python.ts";
import { makeSources } from "./sources.ts";
import type { Sources } from "./sources.ts";

const FOLDER = resolve(import.meta.dirname, "../../../.state/bench-media");

const ROUNDS = 5;

type Prepare = () => Promise<Answer>;

interface Contest {
  name: string;
  ours: Prepare;
  /** By its name. */
  theirs: [string, Prepare];
}

/**
 * A picture of 12 megapixels and a clip of a minute, from the file to the patch matrix, here and by the
 * Python references on as many threads, in turns. What goes to Python and back is not counted.
 */
export async function media(): Promise<void> {
  const sources = await makeSources(FOLDER);
  const threads = availableParallelism();
  const reference = await openReference(threads);
  if (reference === undefined) {
    return;
  }
  await using stack = new AsyncDisposableStack();
  stack.use(reference);
  const { vision, clips } = await openCheckpoint(DENSE);
  const pictures = new ImagePreprocessor({ settings: vision, threads });
  stack.adopt(pictures, (it) => it.close());
  const decoder = new ClipPreprocessor({ settings: clips, processes: 1, maxTokens: Infinity });
  stack.adopt(decoder, (it) => it.close());

  const rows: (string | number)[][] = [["", "grid", "here (s)", "there (s)", "there / here"]];
  for (const contest of contests(sources, { pictures, decoder, reference })) {
    rows.push(await hold(contest));
  }
  console.log(`Medians of ${ROUNDS} rounds in turns, ${threads} threads each.\n`);
  printTable(rows);
}

async function openReference(threads: number): Promise<Reference | undefined> {
  try {
    return await startReference(await findPython(FOLDER), threads);
  } catch (error) {
    console.log(`Skipped, for there is no Python to compare with: ${String(error)}`);
    return undefined;
  }
}

interface Parts {
  pictures: ImagePreprocessor;
  decoder: ClipPreprocessor;
  reference: Reference;
}

function contests({ picture, clip }: Sources, { pictures, decoder, reference }: Parts): Contest[] {
  const { signal } = new AbortController();
  const python = (task: string, path: string) => () => reference.prepare(task, path);
  const ourPicture = () =>
    timed(async () => (await pictures.prepare(await readFile(picture), {}, signal)).grid);
  const ourClip = (options: { fps?: number }) => () =>
    timed(async () => {
      const input = { kind: "container", bytes: await readFile(clip) } as const;
      return (await decoder.prepare(input, options, signal)).plan.grid;
    });
  return [
    {
      name: "picture",
      ours: ourPicture,
      theirs: ["qwen-vl-utils", python("picture-utils", picture)],
    },
    {
      name: "picture",
      ours: ourPicture,
      theirs: ["transformers", python("picture-transformers", picture)],
    },
    {
      name: "clip",
      ours: ourClip({ fps: 2 }),
      theirs: ["qwen-vl-utils", python("clip-utils", clip)],
    },
    {
      name: "clip",
      ours: ourClip({}),
      theirs: ["transformers", python("clip-transformers", clip)],
    },
  ];
}

/** The first of each is a warm-up. */
async function hold({ name, ours, theirs: [who, prepare] }: Contest): Promise<(string | number)[]> {
  const here: number[] = [];
  const there: number[] = [];
  let grid = "";
  for (let round = 0; round <= ROUNDS; round++) {
    const [mine, other] = [await ours(), await prepare()];
    grid = mine.grid.join(" x ");
    if (grid !== other.grid.join(" x ")) {
      throw new Error(`${name}: ${who} has ${other.grid.join(" x ")} patches, here are ${grid}`);
    }
    if (round > 0) {
      here.push(mine.seconds);
      there.push(other.seconds);
    }
  }
  const [mine, other] = [median(here), median(there)];
  return [`${name}, ${who}`, grid, mine.toFixed(2), other.toFixed(2), (other / mine).toFixed(2)];
}

async function timed(work: () => Promise<{ t: number; h: number; w: number }>): Promise<Answer> {
  const start = performance.now();
  const { t, h, w } = await work();
  return { seconds: (performance.now() - start) / 1000, grid: [t, h, w] };
}
