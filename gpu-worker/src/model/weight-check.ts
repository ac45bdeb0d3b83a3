import { CheckpointError } from "../weights/checkpoint-error.ts";
import type { TensorIndex } from "../weights/tensor-index.ts";
import type { GraphWeight } from "./graph-weight.ts";

/** Tensors that checkpoints carry and no graph reads, with the reason. */
const UNUSED_TENSORS: readonly { name: RegExp; reason: string }[] = [
  { name: /^lm_head\.weight$/, reason: "a copy of the embeddings where the head is tied" },
  { name: /\.rotary_emb\.inv_freq$/, reason: "computed from the configuration" },
];

/**
 * Strict both ways: every weight of the graphs exists with its shape, and every tensor of the
 * checkpoint is used or known to be unused.
 *
 * @throws CheckpointError that names the first tensor at fault
 */
export function checkWeights(weights: readonly GraphWeight[], tensors: TensorIndex): void {
  const sources = weights.flatMap((weight) => weight.sources);
  for (const { tensor, shape } of sources) {
    const found = tensors.shapeOf(tensor);
    if (found === undefined) {
      throw new CheckpointError(`tensor ${tensor} is missing`);
    }
    if (found.join() !== shape.join()) {
      throw new CheckpointError(
        `tensor ${tensor}: expected shape [${shape.join(", ")}], got [${found.join(", ")}]`,
      );
    }
  }
  const used = new Set(sources.map(({ tensor }) => tensor));
  for (const name of tensors.names) {
    if (!used.has(name) && !UNUSED_TENSORS.some((unused) => unused.name.test(name))) {
      throw new CheckpointError(`tensor ${name} belongs to no part of the model`);
    }
  }
}
