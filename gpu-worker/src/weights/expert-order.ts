import type { ModelConfig } from "./model-config.ts";
import type { TensorIndex } from "./tensor-index.ts";

/** The configuration with the order in which the checkpoint stores its experts, told by their shape. */
export function withExpertOrder(config: ModelConfig, tensors: TensorIndex): ModelConfig {
  const { experts, hiddenSize } = config.text;
  const [layer] = experts?.layers ?? [];
  if (experts === undefined || layer === undefined) {
    return config;
  }
  const shape = tensors.shapeOf(`model.language_model.layers.${layer}.mlp.experts.down_proj`);
  const isOutputMajor = shape?.[1] === hiddenSize && shape[2] === experts.intermediateSize;
  return { ...config, text: { ...config.text, experts: { ...experts, isOutputMajor } } };
}
