import type { TextDecoderConfig } from "../weights/model-config.ts";
import { Graph } from "./graph.ts";
import { tableRows } from "./layers.ts";
import type { Precision } from "./precision.ts";

export const EMBEDDER = { tokenIds: "input_ids", embeddings: "inputs_embeds" } as const;

/** Token ids [S] → embeddings [S, hidden]. */
export function tokenEmbeddings(
  { vocabSize, hiddenSize }: TextDecoderConfig,
  precision: Precision,
): Graph {
  const graph = new Graph(precision);
  const ids = graph.input(EMBEDDER.tokenIds, "int64", ["S"]);
  const table = graph.scope("model.language_model.embed_tokens");
  const rows = tableRows(table, ids, { in: hiddenSize, out: vocabSize });
  graph.output(EMBEDDER.embeddings, rows, "float32", ["S", hiddenSize]);
  return graph;
}
