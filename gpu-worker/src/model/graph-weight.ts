import type { ElementType } from "./element-type.ts";
import { codecOf, formatName } from "./weight-format.ts";
import type { EncodedPart, WeightFormat } from "./weight-format.ts";
import { arrangedShape } from "./weight-layout.ts";
import type { WeightLayout } from "./weight-layout.ts";

/** A tensor of the checkpoint by its own name, with its shape there. */
export interface WeightSource {
  tensor: string;
  shape: readonly number[];
}

/** A tensor of the checkpoint, or several whose rows follow one another, as a graph wants it stored. */
export interface GraphWeight {
  sources: readonly WeightSource[];
  layout: WeightLayout;
  format: WeightFormat;
}

/** The shape of all sources together. */
export function joinedShape({ sources }: GraphWeight): readonly number[] {
  const rows = sources.reduce((sum, { shape }) => sum + (shape[0] ?? 1), 0);
  return [rows, ...(sources[0]?.shape.slice(1) ?? [])];
}

/** A tensor of the weight file. */
export interface StoredTensor extends EncodedPart {
  /** The same in every graph that reads it. */
  name: string;
}

/** What a weight is stored as: its values; or its quants, their scales and, where it has them, zeros. */
export function storedTensors(weight: GraphWeight): [StoredTensor, ...StoredTensor[]] {
  const name = storedName(weight);
  const shape = arrangedShape(weight.layout, joinedShape(weight));
  const [values, scales, zeros] = codecOf(weight.format).parts(shape);
  const stored: [StoredTensor, ...StoredTensor[]] = [{ ...values, name }];
  if (scales !== undefined) {
    stored.push({ ...scales, name: `${name}/scales` });
  }
  if (zeros !== undefined) {
    stored.push({ ...zeros, name: `${name}/zeros` });
  }
  return stored;
}

/** The tensors' names, with what was done to them. */
function storedName({ sources, layout, format }: GraphWeight): string {
  const changes = [
    ...(layout === "published" ? [] : [layout]),
    ...(format.kind === "float32" ? [] : [formatName(format)]),
  ];
  return [sources.map(({ tensor }) => tensor).join("+"), ...changes].join("/");
}

/** A tensor of the weight file as an input of a graph's nodes; the same bytes may have other sides. */
export interface Initialiser {
  name: string;
  type: ElementType;
  shape: readonly number[];
}
