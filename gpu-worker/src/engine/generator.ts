import type { Priority } from "@qwen3-vl/shared/worker-protocol";

import { Answer } from "./answer.ts";
import type { AnswerEvent, AnswerOptions } from "./answer.ts";
import { mergeChoices } from "./choices.ts";
import type { ChoiceEvent } from "./choices.ts";
import type { EngineObserver } from "./engine-observer.ts";
import type { EngineSnapshot } from "./engine-snapshot.ts";
import { Engine } from "./engine.ts";
import type { EngineOptions } from "./engine.ts";
import { Line } from "./line.ts";
import type { Model, PatchedMedium, VisionFeatures } from "./model.ts";
import { prefixKeys } from "./prefix-keys.ts";
import type { KeyedMedium } from "./prefix-keys.ts";
import { createSequence } from "./sequence.ts";
import type { Prompt, Sequence } from "./sequence.ts";
import { turnOf } from "./turn.ts";

/** A picture or clip whose features are known, or are encoded from its patches and told. */
export type RequestMedium = KeyedMedium &
  (
    | { features: VisionFeatures }
    | { patched: PatchedMedium; onFeatures: (features: VisionFeatures) => void }
  );

/** A request whose media are patches and whose prompt is tokens. */
export interface GenerationRequest {
  id: string;
  /** Whose it is: KV prefixes are shared within a tenant only. */
  tenant: string;
  priority: Priority;
  prompt: Omit<Prompt, "vision">;
  /** Pictures and clips in prompt order. */
  media: readonly RequestMedium[];
  /** Where their tokens stand in the prompt, ascending. */
  visionPlaces: Int32Array;
  /** How each answer is made; all of them share one prefill. */
  choices: readonly AnswerOptions[];
}

/** One request → the events of its answers. Aborting ends them without a finish reason. */
export interface Generator {
  generate(request: GenerationRequest, signal: AbortSignal): AsyncIterable<ChoiceEvent>;
}

/** Tokens of a prompt that one step runs at most beside answers; 256 keep matrix products efficient. */
export const PREFILL_CHUNK = 256;

/** When nobody would notice: larger chunks gain little, and keep what comes next waiting. */
const LONE_PREFILL_CHUNK = 512;

/** The `Generator` over a `Model` of our own. */
export class EngineGenerator implements Generator {
  readonly #model: Model;
  readonly #engine: Engine;
  readonly #observer: EngineObserver;
  /** One run of the encoder at a time: two would only slow each other down. */
  readonly #encoder = new Line(1);
  readonly #encoding = new Set<Promise<unknown>>();

  constructor(model: Model, options: Partial<EngineOptions> = {}) {
    this.#model = model;
    this.#observer = options.observer ?? {};
    this.#engine = new Engine(model, {
      prefillChunk: PREFILL_CHUNK,
      lonePrefillChunk: LONE_PREFILL_CHUNK,
      ...options,
    });
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<ChoiceEvent> {
    using constraints = new DisposableStack();
    for (const { constraint } of request.choices) {
      constraints.use(constraint);
    }
    const vision = await this.#encode(request, signal);
    if (signal.aborted) {
      return;
    }
    const keys = prefixKeys(request.prompt.tokenIds, request.visionPlaces, request.media);
    const sequences = request.choices.map((options, choice) =>
      sequenceOf(request, { choice, options, keys }, vision),
    );
    const abort = () => {
      for (const sequence of sequences) {
        this.#engine.abort(sequence);
        sequence.answer.cancel();
      }
    };
    signal.addEventListener("abort", abort, { once: true });
    try {
      const [leader] = sequences;
      yield* mergeChoices(sequences.map((sequence) => this.#run(sequence, leader, signal)));
    } finally {
      signal.removeEventListener("abort", abort);
      abort(); // a reader that stops early leaves nothing running
    }
  }

  /**
   * Submits a sequence, once the leader has read the prompt that both begin with, and once its first token
   * may be chosen: it takes no slot while its grammar is compiled.
   */
  async *#run(
    sequence: Sequence,
    leader: Sequence | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<AnswerEvent> {
    const { answer } = sequence;
    if (leader !== sequence) {
      await leader?.answer.begun;
    }
    if (!answer.isReady) {
      await unlessAborted(answer.ready(), signal);
    }
    if (!answer.isCancelled) {
      this.#engine.submit(sequence);
      yield* answer;
    }
  }

  snapshot(): EngineSnapshot {
    return this.#engine.snapshot();
  }

  /** Resolves when nothing is encoded, runs or waits any more. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#encoding);
    await this.#engine.idle();
  }

  async #encode(
    { media, priority }: GenerationRequest,
    signal: AbortSignal,
  ): Promise<VisionFeatures | undefined> {
    const features: VisionFeatures[] = [];
    for (const medium of media) {
      const turn = turnOf(Date.now(), priority); // each anew: a document of a thousand pages lets others in between
      const known =
        "features" in medium ? medium.features : await this.#encodeOne(medium, turn, signal);
      if (known === undefined) {
        return undefined;
      }
      features.push(known);
    }
    return features.length === 0 ? undefined : joinFeatures(features);
  }

  /** Undefined when the request was aborted. */
  async #encodeOne(
    medium: UnencodedMedium,
    turn: number,
    signal: AbortSignal,
  ): Promise<VisionFeatures | undefined> {
    const encoding = this.#encodeInTurn(medium, turn, signal);
    this.#encoding.add(encoding);
    const forget = () => this.#encoding.delete(encoding);
    encoding.then(forget, forget);
    return unlessAborted(encoding, signal);
  }

  /** By turn with all others, for whom a clip gives way between its runs. */
  async #encodeInTurn(
    { patched, onFeatures }: UnencodedMedium,
    turn: number,
    signal: AbortSignal,
  ): Promise<VisionFeatures> {
    let place = await this.#encoder.enter(turn, signal);
    try {
      let begunMs = performance.now();
      const giveWay = async () => {
        if ((this.#encoder.nextTurn ?? Infinity) < turn) {
          const leftMs = performance.now();
          place[Symbol.dispose]();
          place = await this.#encoder.enter(turn, signal);
          begunMs += performance.now() - leftMs;
        }
      };
      signal.throwIfAborted();
      const features = await this.#model.encode(patched, signal, giveWay);
      this.#observer.encoded?.(performance.now() - begunMs);
      onFeatures(features);
      return features;
    } finally {
      place[Symbol.dispose]();
    }
  }
}

type UnencodedMedium = Extract<RequestMedium, { patched: PatchedMedium }>;

interface OwnOfChoice {
  choice: number;
  options: AnswerOptions;
  /** Of the prompt. */
  keys: readonly number[];
}

function sequenceOf(
  { id, tenant, priority, prompt, visionPlaces }: GenerationRequest,
  { choice, options, keys }: OwnOfChoice,
  features: VisionFeatures | undefined,
): Sequence {
  return createSequence({
    id: `${id}/${choice}`,
    tenant,
    priority,
    keys: [...keys], // each answer's own follow
    prompt: { ...prompt, vision: features && { places: visionPlaces, features } },
    answer: new Answer(options),
    maxLength: prompt.tokenIds.length + options.maxTokens,
  });
}

/** Settles as the work does, or with undefined as soon as nobody waits for it any more. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const leave = () => resolve(undefined);
    if (signal.aborted) {
      leave();
    }
    signal.addEventListener("abort", leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}

/** Appends the rows of all media. */
function joinFeatures(features: readonly VisionFeatures[]): VisionFeatures {
  const [first] = features;
  if (first === undefined || features.length === 1) {
    return first ?? { embeddings: new Float32Array(), deepstack: [] };
  }
  return {
    embeddings: concatenate(features.map(({ embeddings }) => embeddings)),
    deepstack: first.deepstack.map((_, layer) =>
      concatenate(features.map(({ deepstack }) => deepstack[layer] ?? new Float32Array())),
    ),
  };
}

function concatenate(arrays: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const array of arrays) {
    joined.set(array, offset);
    offset += array.length;
  }
  return joined;
}
