import { readFile } from "node:fs/promises";
import { join } from "node:path";

import * as z from "zod";

import { openCheckpoint } from "../../../gpu-worker/src/checkpoint.ts";
import type { Checkpoint } from "../../../gpu-worker/src/checkpoint.ts";
import type {
  ModelRow,
  PatchedMedium,
  VisionFeatures,
} from "../../../gpu-worker/src/engine/model.ts";
import { loadModel } from "../../../gpu-worker/src/load-model.ts";
import type { Precision } from "../../../gpu-worker/src/model/precision.ts";
import { ChatPrompter } from "../../../gpu-worker/src/prompt/chat-prompt.ts";
import type { ChatPrompt } from "../../../gpu-worker/src/prompt/chat-prompt.ts";
import { ChatTemplate } from "../../../gpu-worker/src/prompt/chat-template.ts";
import { IncrementalDetokenizer } from "../../../gpu-worker/src/prompt/detokenizer.ts";
import type { OnnxModel } from "../../../gpu-worker/src/runtime/onnx-model.ts";
import { prepareImage } from "../../../gpu-worker/src/vision/prepare-image.ts";

export const SHAPES = join(import.meta.dirname, "../../../models/qwen3-vl-shapes");

const Part = z.union([
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({ type: z.enum(["image", "video"]) }),
]);

const Question = z.object({
  messages: z.array(
    z.object({
      role: z.enum(["system", "user"]),
      content: z.union([z.string(), z.array(Part)]),
    }),
  ),
  tools: z
    .array(z.object({ type: z.literal("function"), function: z.record(z.string(), z.unknown()) }))
    .nullable(),
  add_vision_id: z.boolean(),
  images: z.array(z.string()),
  videos: z.array(z.unknown()),
  truth: z.string().nullable(),
  reference_answer: z.string(),
});
type Question = z.infer<typeof Question>;

/** A greedy answer, and the logits that its first token was chosen by. */
export interface ShapesAnswer {
  text: string;
  firstLogits: Float32Array;
  /** What the reference implementation answers in float32. */
  reference: string;
  /** What is right, where one answer is. */
  truth: string | null;
}

/** Prompts and answers of the evaluation have at most a few hundred tokens. */
const SLOT_CAPACITY = 2048;
const MAX_ANSWER_TOKENS = 64;

/** Answers the evaluation's questions about pictures with the checkpoint that ships with the repository. */
export async function answerShapes(
  precision: Precision,
  cacheFolder: string,
): Promise<ShapesAnswer[]> {
  const checkpoint = await openCheckpoint(SHAPES);
  const memory = { tokenBudget: SLOT_CAPACITY, slotCapacity: SLOT_CAPACITY };
  const options = { cacheFolder, precision, threads: 2, slots: 1, memory };
  const model = await loadModel(checkpoint, options);
  const answers: ShapesAnswer[] = [];
  for (const question of await picturedQuestions()) {
    answers.push(await answerQuestion(question, checkpoint, model));
  }
  model.close();
  return answers;
}

async function picturedQuestions(): Promise<Question[]> {
  const json = await readFile(join(SHAPES, "evaluation/questions.json"), "utf8");
  const questions = z.array(Question).parse(JSON.parse(json));
  return questions.filter(({ images, videos }) => images.length > 0 && videos.length === 0);
}

async function answerQuestion(
  { messages, tools, images, add_vision_id: addVisionId, ...expected }: Question,
  checkpoint: Checkpoint,
  model: OnnxModel,
): Promise<ShapesAnswer> {
  const { prompter, vision, tokenizer } = checkpoint;
  const pictures: PatchedMedium[] = [];
  for (const name of images) {
    const bytes = await readFile(join(SHAPES, "evaluation", name));
    pictures.push(await prepareImage(bytes, {}, vision));
  }
  const template = new ChatTemplate(prompter.template, tokenizer);
  const prompt = new ChatPrompter(tokenizer, template, prompter.layout).fromConversation(
    { messages, tools: tools ?? undefined, addVisionId },
    pictures,
  );
  const features = await encodeAll(model, pictures);
  const { tokens, firstLogits } = await decodeGreedily(model, prompt, {
    features,
    endTokens: new Set(checkpoint.generation.eosTokenIds),
  });
  const detokenizer = new IncrementalDetokenizer(tokenizer);
  const text = tokens.map((token) => detokenizer.push(token)).join("") + detokenizer.flush();
  return { text, firstLogits, reference: expected.reference_answer, truth: expected.truth };
}

/** The features of all pictures of a prompt, one after another. */
async function encodeAll(
  model: OnnxModel,
  pictures: readonly PatchedMedium[],
): Promise<VisionFeatures> {
  const features: VisionFeatures[] = [];
  for (const picture of pictures) {
    features.push(await model.encode(picture));
  }
  return {
    embeddings: joined(features.map(({ embeddings }) => embeddings)),
    deepstack: [...(features[0]?.deepstack.keys() ?? [])].map((layer) =>
      joined(features.map(({ deepstack }) => deepstack[layer])),
    ),
  };
}

function joined(parts: readonly (Float32Array | undefined)[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => Array.from(part ?? [])));
}

async function decodeGreedily(
  model: OnnxModel,
  { tokenIds, positions, visionPlaces, ropeDelta }: ChatPrompt,
  { features, endTokens }: { features: VisionFeatures; endTokens: ReadonlySet<number> },
): Promise<{ tokens: number[]; firstLogits: Float32Array }> {
  const forward = async (
    row: Pick<ModelRow, "cachedTokens" | "tokenIds" | "positions" | "vision">,
  ) => {
    const [logits] = await model.forward([{ slot: 0, wantsLogits: true, ...row }]);
    return Float32Array.from(logits ?? []);
  };
  const vision = { places: visionPlaces, features };
  const firstLogits = await forward({ cachedTokens: 0, tokenIds, positions, vision });
  const tokens: number[] = [];
  let next = indexOfLargest(firstLogits);
  while (!endTokens.has(next) && tokens.length < MAX_ANSWER_TOKENS) {
    const cachedTokens = tokenIds.length + tokens.length;
    tokens.push(next);
    const logits = await forward({
      cachedTokens,
      tokenIds: Int32Array.of(next),
      positions: new Int32Array(3).fill(cachedTokens + ropeDelta),
      vision: undefined,
    });
    next = indexOfLargest(logits);
  }
  return { tokens, firstLogits };
}

function indexOfLargest(values: Float32Array): number {
  return values.reduce((best, value, index) => (value > (values[best] ?? NaN) ? index : best), 0);
}
