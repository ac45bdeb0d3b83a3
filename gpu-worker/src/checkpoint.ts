import { createHash } from "node:crypto";
import { readFile, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import { chatTemplateSource } from "./prompt/chat-template-source.ts";
import { parseGenerationConfig } from "./prompt/generation-config.ts";
import type { GenerationConfig } from "./prompt/generation-config.ts";
import type { PrompterSource } from "./prompt/prompt-worker.ts";
import { parsePreprocessorConfig } from "./vision/preprocessor-config.ts";
import type { VisionSettings } from "./vision/preprocessor-config.ts";
import { CheckpointError } from "./weights/checkpoint-error.ts";
import { parseModelConfig } from "./weights/model-config.ts";
import type { ModelConfig } from "./weights/model-config.ts";
import { openTensorIndex } from "./weights/tensor-index.ts";
import type { TensorIndex } from "./weights/tensor-index.ts";

/** Everything that is read of a checkpoint folder; the tensors' values stay on the disk. */
export interface Checkpoint {
  /** The folder's name: what clients call the model. */
  id: string;
  /** Changes whenever a file of the checkpoint does. */
  digest: string;
  config: ModelConfig;
  tensors: TensorIndex;
  generation: GenerationConfig;
  vision: VisionSettings;
  prompter: PrompterSource;
}

/** @throws CheckpointError that names the file at fault */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  await assertFolder(folder);
  const read = (name: string) => readFile(join(folder, name), "utf8").catch(() => undefined);
  const require = async (name: string) => {
    const text = await read(name);
    if (text === undefined) {
      throw new CheckpointError(`${name} is missing in ${folder}`);
    }
    return text;
  };
  const config = parseModelConfig(await require("config.json"));
  const tokenizerConfigJson = await require("tokenizer_config.json");
  const preprocessor = await require("preprocessor_config.json");
  const files = {
    "chat_template.jinja": await read("chat_template.jinja"),
    "chat_template.json": await read("chat_template.json"),
    "tokenizer_config.json": tokenizerConfigJson,
  };
  return {
    id: basename(folder),
    digest: await digestOf(folder),
    config,
    tensors: await openTensorIndex(folder),
    generation: parseGenerationConfig((await read("generation_config.json")) ?? "{}"),
    vision: parsePreprocessorConfig(parseJsonFile("preprocessor_config.json", preprocessor)),
    prompter: {
      tokenizerJson: await require("tokenizer.json"),
      tokenizerConfigJson,
      template: chatTemplateSource(files),
      layout: { imageToken: config.tokens.image, mergeSize: config.vision.mergeSize },
    },
  };
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
