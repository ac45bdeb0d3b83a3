import { join } from "node:path";

import { openCheckpoint } from "../checkpoint.ts";
import type { Checkpoint } from "../checkpoint.ts";
import { Grammars } from "../grammar/grammars.ts";
import { tokenTable } from "../grammar/token-table.ts";
import { PromptThread } from "../prompt/prompt-thread.ts";
import { ClipPreprocessor } from "../vision/clip-preprocessor.ts";
import { ImagePreprocessor } from "../vision/image-preprocessor.ts";

export const MODEL = "qwen3-vl-shapes";
export const CONTEXT = 512;

const folder = join(import.meta.dirname, "../../../models", MODEL);

/** A checkpoint, and the threads and processes that prepare requests for it. */
export interface TestThreads {
  checkpoint: Checkpoint;
  images: ImagePreprocessor;
  clips: ClipPreprocessor;
  prompts: PromptThread;
  grammars: Grammars;
  close: () => Promise<void>;
}

/**
 * Takes a second of a core: the workers of a test file may have the same threads one after another.
 *
 * @param template another chat template than the checkpoint's own
 */
export async function startThreads(template?: string): Promise<TestThreads> {
  const checkpoint = await openCheckpoint(folder);
  const { config, generation, tokenizer, prompter } = checkpoint;
  const images = new ImagePreprocessor({ settings: checkpoint.vision, threads: 1 });
  const clips = new ClipPreprocessor({
    settings: checkpoint.clips,
    processes: 1,
    maxTokens: CONTEXT,
  });
  const prompts = new PromptThread(template === undefined ? prompter : { ...prompter, template });
  const { vocabSize } = config.text;
  const grammars = new Grammars(
    tokenTable(tokenizer, { vocabSize, endTokenIds: generation.eosTokenIds }),
  );
  const close = async () => {
    clips.close();
    await Promise.all([images.close(), prompts.close(), grammars.close()]);
  };
  return { checkpoint, images, clips, prompts, grammars, close };
}
