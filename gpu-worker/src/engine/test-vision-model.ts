import type { AnswerOptions } from "./answer.ts";
import type { GenerationRequest } from "./generator.ts";
import type { ModelRow, PatchedMedium, VisionFeatures } from "./model.ts";
import { SumModel, answerOptions } from "./test-sequences.ts";

/** A picture that is one token. */
export function medium(value: number): PatchedMedium {
  return { patches: Float32Array.of(value), grid: { t: 1, h: 2, w: 2 } };
}

/** Encodes a medium to one token of width 2, when told to. */
export class VisionModel extends SumModel {
  readonly encoded: number[] = [];
  readonly rows: ModelRow[] = [];
  onEncode: (value: number) => Promise<void> = () => Promise.resolve();

  override async encode(
    { patches, grid }: PatchedMedium,
    _signal?: AbortSignal,
    betweenRuns?: () => Promise<void>,
  ): Promise<VisionFeatures> {
    const [value = 0] = patches;
    for (let run = 0; run < grid.t; run++) {
      if (run > 0) {
        await betweenRuns?.();
      }
      this.encoded.push(value);
      await this.onEncode(value);
    }
    return {
      embeddings: Float32Array.of(value, value),
      deepstack: [Float32Array.of(-value, -value)],
    };
  }

  override forward(rows: readonly ModelRow[]) {
    this.rows.push(...rows);
    return super.forward(rows);
  }
}

export function requestOf(
  tokenIds: readonly number[],
  media: readonly PatchedMedium[] = [],
  choices: readonly AnswerOptions[] = [answerOptions()],
) {
  const { length } = tokenIds;
  return {
    id: "r",
    prompt: {
      tokenIds: Int32Array.from(tokenIds),
      positions: new Int32Array(3 * length),
      ropeDelta: 0,
    },
    tenant: "",
    priority: "interactive",
    media: media.map((patched) => ({
      digest: new Uint8Array(32).fill(patched.patches[0] ?? 0),
      tokens: 1,
      patched,
      onFeatures: () => undefined,
    })),
    visionPlaces: Int32Array.from(media.keys()),
    choices,
  } satisfies GenerationRequest;
}
