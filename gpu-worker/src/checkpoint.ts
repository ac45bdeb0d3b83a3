import { createHash } from "node:crypto";
import { readFile, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import { chatTemplateSource } from "./prompt/chat-template-source.ts";
import type { ChatTemplateFiles } from "./prompt/chat-template-source.ts";
import { ChatTemplate } from "./prompt/chat-template.ts";
import { parseGenerationConfig } from "./prompt/generation-config.ts";
import type { GenerationConfig } from "./prompt/generation-config.ts";
import type { PrompterSource } from "./prompt/prompt-worker.ts";
import { Tokenizer } from "./prompt/tokenizer.ts";
import { parsePreprocessorConfig } from "./vision/preprocessor-config.ts";
import type { VisionSettings } from "./vision/preprocessor-config.ts";
import { parseVideoProcessorConfig } from "./vision/video-processor-config.ts";
import type { ClipSettings } from "./vision/video-processor-config.ts";
import { CheckpointError } from "./weights/checkpoint-error.ts";
import { withExpertOrder } from "./weights/expert-order.ts";
import { parseModelConfig } from "./weights/model-config.ts";
import type { ModelConfig } from "./weights/model-config.ts";
import { openTensorIndex } from "./weights/tensor-index.ts";
import type { TensorIndex } from "./weights/tensor-index.ts";

/** Everything that is read of a checkpoint folder; the tensors' values stay on the disk. */
export interface Checkpoint {
  /** What clients call the model. */
  id: string;
  /** Changes whenever a file of the checkpoint does. */
  digest: string;
  config: ModelConfig;
  tensors: TensorIndex;
  generation: GenerationConfig;
  vision: VisionSettings;
  clips: ClipSettings;
  tokenizer: Tokenizer;
  prompter: PrompterSource;
}

/** @throws CheckpointError that names the file at fault */
export async function openCheckpoint(folder: string, id = basename(folder)): Promise<Checkpoint> {
  await assertFolder(folder);
  const tensors = await openTensorIndex(folder);
  const config = withExpertOrder(
    parseModelConfig(await readRequired(folder, "config.json")),
    tensors,
  );
  const files = await readTextFiles(folder);
  const checkpoint = {
    id,
    digest: await digestOf(folder),
    config,
    tensors,
    ...orCheckpointError(() => parseTextFiles(files, config)),
  };
  assertConsistent(checkpoint);
  return checkpoint;
}

interface TextFiles {
  preprocessor: string;
  videoPreprocessor: string;
  tokenizerJson: string;
  tokenizerConfigJson: string;
  generation: string;
  templates: ChatTemplateFiles;
}

async function readTextFiles(folder: string): Promise<TextFiles> {
  const tokenizerConfigJson = await readRequired(folder, "tokenizer_config.json");
  return {
    preprocessor: await readRequired(folder, "preprocessor_config.json"),
    videoPreprocessor: await readRequired(folder, "video_preprocessor_config.json"),
    tokenizerJson: await readRequired(folder, "tokenizer.json"),
    tokenizerConfigJson,
    generation: (await readOptional(folder, "generation_config.json")) ?? "{}",
    templates: {
      "chat_template.jinja": await readOptional(folder, "chat_template.jinja"),
      "chat_template.json": await readOptional(folder, "chat_template.json"),
      "tokenizer_config.json": tokenizerConfigJson,
    },
  };
}

type ParsedFiles = Pick<Checkpoint, "generation" | "vision" | "clips" | "tokenizer" | "prompter">;

function parseTextFiles(files: TextFiles, config: ModelConfig): ParsedFiles {
  const { tokenizerJson, tokenizerConfigJson } = files;
  const template = chatTemplateSource(files.templates);
  const tokenizer = new Tokenizer(tokenizerJson, tokenizerConfigJson);
  void new ChatTemplate(template, tokenizer); // compiled in the thread that uses it; its faults are told here
  return {
    generation: parseGenerationConfig(files.generation),
    vision: parsePreprocessorConfig(parseJsonFile("preprocessor_config.json", files.preprocessor)),
    clips: parseVideoProcessorConfig(
      parseJsonFile("video_preprocessor_config.json", files.videoPreprocessor),
    ),
    tokenizer,
    prompter: {
      tokenizerJson,
      tokenizerConfigJson,
      template,
      layout: {
        placeholders: { image: config.tokens.image, video: config.tokens.video },
        mergeSize: config.vision.mergeSize,
      },
    },
  };
}

/** What parsers throw becomes one line; the parser's own account is its cause. */
function orCheckpointError<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (cause instanceof CheckpointError) {
      throw cause;
    }
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new CheckpointError(message.replaceAll(/\s+/g, " "), { cause });
  }
}

/** Files that each make sense may still not belong together; requests would fail one by one. */
function assertConsistent({ config, vision, tokenizer }: Checkpoint): void {
  for (const field of ["patchSize", "temporalPatchSize", "mergeSize"] as const) {
    if (vision[field] !== config.vision[field]) {
      throw new CheckpointError(
        `preprocessor_config.json: ${field} is ${vision[field]}, config.json says ${config.vision[field]}`,
      );
    }
  }
  if (tokenizer.vocabSize > config.text.vocabSize) {
    throw new CheckpointError(
      `tokenizer.json: ${tokenizer.vocabSize} tokens, config.json has embeddings of ${config.text.vocabSize}`,
    );
  }
}

function readOptional(folder: string, name: string): Promise<string | undefined> {
  return readFile(join(folder, name), "utf8").catch(() => undefined);
}

async function readRequired(folder: string, name: string): Promise<string> {
  const text = await readOptional(folder, name);
  if (text === undefined) {
    throw new CheckpointError(`${name} is missing in ${folder}`);
  }
  return text;
}

async function assertFolder(folder: string): Promise<void> {
  const isFolder = await stat(folder).then(
    (status) => status.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new CheckpointError(`no checkpoint folder at ${folder}`);
  }
}

/** Over names, sizes and times: reading gigabytes at each start would take longer than loading them. */
async function digestOf(folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(folder)).toSorted()) {
    if (/^(config\.json|.*\.safetensors(\.index\.json)?)$/.test(name)) {
      const { size, mtimeMs } = await stat(join(folder, name));
      hash.update(`${name}\n${size}\n${mtimeMs}\n`);
    }
  }
  return hash.digest("hex").slice(0, 16);
}

function parseJsonFile(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(`${name} is not valid JSON`, { cause });
  }
}
