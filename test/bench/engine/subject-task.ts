import * as z from "zod";

import { PRECISIONS } from "../../../gpu-worker/src/model/precision.ts";

/** A model in a process of its own, and what it is asked to do there. */
export const SubjectTask = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("load"),
    /** What the model is, ours or llama.cpp's. */
    source: z.discriminatedUnion("by", [
      z.object({
        by: z.literal("us"),
        checkpoint: z.string(),
        cacheFolder: z.string(),
        precision: z.enum(PRECISIONS),
      }),
      z.object({ by: z.literal("llama.cpp"), module: z.string(), gguf: z.string() }),
    ]),
    threads: z.int(),
    sequences: z.int(),
    /** Tokens that each sequence may hold. */
    capacity: z.int(),
  }),
  /** Brings the first sequence to so many tokens. */
  z.object({ kind: z.literal("reach"), context: z.int() }),
  /** Runs the last so many tokens of the context again. */
  z.object({ kind: z.literal("prefill"), context: z.int(), tokens: z.int() }),
  /** Generates so many tokens after the context, in each of so many sequences together. */
  z.object({
    kind: z.literal("decode"),
    context: z.int(),
    sequences: z.int(),
    tokens: z.int(),
  }),
  /** Encodes a picture of side · side patches. */
  z.object({ kind: z.literal("encode"), side: z.int() }),
]);
export type SubjectTask = z.infer<typeof SubjectTask>;
export type TaskOf<Kind extends SubjectTask["kind"]> = Extract<SubjectTask, { kind: Kind }>;

/** Seconds of the task itself, without what prepares it, and what the process holds after it. */
export const SubjectFigures = z.object({ seconds: z.number(), megabytes: z.number() });
export type SubjectFigures = z.infer<typeof SubjectFigures>;
