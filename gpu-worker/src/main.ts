import { basename } from "node:path";

import { openCheckpoint } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { ConfigError, readConfig } from "./config.ts";
import { Admission } from "./engine/admission.ts";
import { EngineGenerator } from "./engine/generator.ts";
import { loadModel } from "./load-model.ts";
import { Logger } from "./log.ts";
import { PromptThread } from "./prompt/prompt-thread.ts";
import type { OnnxModel } from "./runtime/onnx-model.ts";
import { ChatService } from "./server/chat-service.ts";
import { WorkerServer } from "./server/worker-server.ts";
import { ImagePreprocessor } from "./vision/image-preprocessor.ts";
import { CheckpointError } from "./weights/checkpoint-error.ts";

/** Starts the worker: config → checkpoint → graphs → runtime → engine → server. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = new Logger(config.logLevel);
  const checkpoint = await openCheckpoint(config.model);
  const model = await loadModel(checkpoint, config);
  const images = new ImagePreprocessor({ settings: checkpoint.vision, threads: config.threads });
  const prompts = new PromptThread(checkpoint.prompter);
  const generator = new EngineGenerator(model);
  const server = new WorkerServer({
    service: createService(checkpoint, model, { images, prompts }),
    generator,
    admission: new Admission(config.slots + config.maxQueue),
    logger,
    secret: config.secret,
  });
  const port = await server.listen(config.host, config.port);
  logger.info("listening", { host: config.host, port, model: basename(config.model) });
  process.send?.({ port });

  await stopSignal();
  logger.info("draining", { seconds: config.drainSeconds });
  await server.drain(config.drainSeconds * 1000);
  await generator.idle();
  await Promise.all([images.close(), prompts.close()]);
  model.close();
  process.exit(0);
}

function createService(
  { id, vision, generation, tokenizer }: Checkpoint,
  model: OnnxModel,
  { images, prompts }: { images: ImagePreprocessor; prompts: PromptThread },
): ChatService {
  return new ChatService({
    model: {
      id,
      object: "model",
      created: Math.floor(Date.now() / 1000),
      owned_by: "qwen3-vl-api",
      max_model_len: model.slotCapacity,
      image: { min_pixels: vision.minPixels, max_pixels: vision.maxPixels },
    },
    images,
    prompts,
    tokenizer,
    generation,
  });
}

/** Resolves when the worker is asked to end, or when the process that started it has gone. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["SIGTERM", "SIGINT", "disconnect"]) {
      process.once(event, () => resolve());
    }
  });
}

/** What an operator can mend is one line; anything else keeps its stack. */
function describe(error: unknown): string {
  const isExpected =
    error instanceof ConfigError || error instanceof CheckpointError || isListenError(error);
  return isExpected && error instanceof Error
    ? error.message
    : error instanceof Error
      ? String(error.stack)
      : String(error);
}

function isListenError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && error.syscall === "listen";
}

main().catch((error: unknown) => {
  process.stderr.write(`gpu-worker: ${describe(error)}\n`);
  process.exit(1);
});
