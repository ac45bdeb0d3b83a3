import type { TextDecoderConfig } from "../weights/model-config.ts";
import { Graph } from "./graph.ts";

export const EMBEDDER = { tokenIds: "input_ids", embeddings: "inputs_embeds" } as const;

/** Token ids [S] → embeddings [S, hidden]. */
export function tokenEmbeddings({ vocabSize, hiddenSize }: TextDecoderConfig): Graph {
  const graph = new Graph();
  const ids = graph.input(EMBEDDER.tokenIds, "int64", ["S"]);
  const table = graph
    .scope("model.language_model.embed_tokens")
    .weight("weight", [vocabSize, hiddenSize]);
  graph.output(EMBEDDER.embeddings, graph.op("Gather", [table, ids]), "float32", ["S", hiddenSize]);
  return graph;
}
