import { join } from "node:path";

import { FETCH_LIMITS } from "@qwen3-vl/shared/fetch-limits";

import { buildProgress } from "./build-progress.ts";
import { openCheckpoint } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { ConfigError, readConfig } from "./config.ts";
import type { Config } from "./config.ts";
import { Admission } from "./engine/admission.ts";
import { EngineGenerator } from "./engine/generator.ts";
import { Grammars } from "./grammar/grammars.ts";
import { tokenTable } from "./grammar/token-table.ts";
import { locateModel } from "./hub/locate-model.ts";
import { loadModel } from "./load-model.ts";
import { Logger } from "./log.ts";
import { MediaFetcher } from "./media-fetch/media-fetcher.ts";
import { lookUpInSystem } from "./media-fetch/resolve-public.ts";
import { WebhookPoster } from "./media-fetch/webhook-poster.ts";
import { planMemory } from "./memory-plan.ts";
import type { MemoryPlan } from "./memory-plan.ts";
import { WorkerFigures } from "./metrics/worker-figures.ts";
import { PromptThread } from "./prompt/prompt-thread.ts";
import { ChatService } from "./server/chat-service.ts";
import { RequestMedia } from "./server/request-media.ts";
import { WorkerServer } from "./server/worker-server.ts";
import { StoredMedia } from "./stored-media/stored-media.ts";
import { startTracing } from "./tracing/tracing.ts";
import { ClipPreprocessor } from "./vision/clip-preprocessor.ts";
import { MAX_FRAME_TOKENS } from "./vision/clip-size.ts";
import { ImagePreprocessor } from "./vision/image-preprocessor.ts";
import { CheckpointError } from "./weights/checkpoint-error.ts";

/** Starts the worker: config → checkpoint folder → checkpoint → graphs → runtime → engine → server. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = new Logger(config.logLevel);
  process.once("disconnect", endWithStarter);
  const { folder, id } = await locateModel(config, logger);
  const checkpoint = await openCheckpoint(folder, id);
  const memory = planMemory(config.memoryBytes, checkpoint.config, pictureTokens(checkpoint));
  assertUsable(memory, config);
  const onProgress = buildProgress(logger);
  const model = await loadModel(checkpoint, { ...config, memory, onProgress });
  const images = new ImagePreprocessor({ settings: checkpoint.vision, threads: config.threads });
  const clips = new ClipPreprocessor({
    settings: checkpoint.clips,
    processes: Math.min(config.threads, MAX_CLIP_PROCESSES),
    maxTokens: memory.slotCapacity,
  });
  const figures = new WorkerFigures();
  const tracing = await startTracing(config.tracesUrl, logger);
  const prompts = new PromptThread(checkpoint.prompter);
  const grammars = grammarsOf(checkpoint);
  const { maxStallMs } = config;
  const generator = new EngineGenerator(model, { maxStallMs, observer: figures.observer });
  const server = new WorkerServer({
    stored: createStoredMedia(config),
    service: createService(checkpoint, memory, { images, clips, prompts, grammars, figures }),
    generator,
    snapshot: () => generator.snapshot(),
    figures,
    fetcher: new MediaFetcher({ ...config.fetching, lookup: lookUpInSystem, limits: FETCH_LIMITS }),
    poster: new WebhookPoster({ ...config.fetching, lookup: lookUpInSystem }),
    tracer: tracing.tracer,
    admission: new Admission(config.slots + config.maxQueue),
    jobs: config.jobs,
    logger,
    secret: config.secret,
  });
  const port = await server.listen(config.host, config.port);
  logger.info("listening", { host: config.host, port, model: id });
  const stopped = stopSignal(); // before anyone learns that there is something to stop
  process.off("disconnect", endWithStarter);
  process.send?.({ port, model: id });

  await stopped;
  logger.info("draining", { seconds: config.drainSeconds });
  await server.drain(config.drainSeconds * 1000);
  await generator.idle();
  clips.close();
  await Promise.all([tracing.close(), images.close(), prompts.close(), grammars.close()]);
  model.close();
  process.exit(0);
}

/** Each may need a gigabyte while it decodes. */
const MAX_CLIP_PROCESSES = 2;

interface Preparers {
  images: ImagePreprocessor;
  clips: ClipPreprocessor;
  prompts: PromptThread;
  figures: WorkerFigures;
  grammars: Grammars;
}

function grammarsOf({ tokenizer, config, generation }: Checkpoint): Grammars {
  const { vocabSize } = config.text;
  return new Grammars(tokenTable(tokenizer, { vocabSize, endTokenIds: generation.eosTokenIds }));
}

function createStoredMedia({ mediaOrigin, mediaDiskBytes, cacheFolder }: Config): StoredMedia {
  const folder = join(cacheFolder, "stored-media");
  return new StoredMedia({ origin: mediaOrigin, folder, maxDiskBytes: mediaDiskBytes });
}

function createService(
  { id, config, vision, generation, tokenizer }: Checkpoint,
  memory: MemoryPlan,
  { images, clips, prompts, grammars, figures }: Preparers,
): ChatService {
  return new ChatService({
    model: {
      id,
      object: "model",
      created: Math.floor(Date.now() / 1000),
      owned_by: "qwen3-vl-api",
      max_model_len: memory.slotCapacity,
      image: { min_pixels: vision.minPixels, max_pixels: vision.maxPixels },
    },
    media: new RequestMedia({ images, clips, config: config.vision, memory, figures }),
    prompts,
    grammars,
    tokenizer,
    generation,
  });
}

/** A fetch may take an hour: when the process that started it goes, no one waits for it any more. */
function endWithStarter(): void {
  process.exit(1);
}

/** Tokens of the largest picture that the checkpoint's processor lets through, or of a frame. */
function pictureTokens({ vision }: Checkpoint): number {
  const tokenPixels = (vision.patchSize * vision.mergeSize) ** 2;
  return Math.max(MAX_FRAME_TOKENS, Math.ceil(vision.maxPixels / tokenPixels));
}

/** A prompt and an answer of this many tokens must fit, or hardly any request would. */
const MIN_CONTEXT = 256;

function assertUsable({ slotCapacity }: MemoryPlan, { memoryBytes }: Config): void {
  if (slotCapacity < MIN_CONTEXT) {
    throw new ConfigError(
      `MEMORY: ${memoryBytes} bytes hold ${slotCapacity} tokens of this model, expected at least ${MIN_CONTEXT}`,
    );
  }
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
