import type { ElementType } from "./element-type.ts";
import { codecOf, formatName } from "./weight-format.ts";
import type { EncodedPart, WeightFormat } from "./weight-format.ts";
import { arrangedShape } from "./weight-layout.ts";
import type { WeightLayout } from "./weight-layout.ts";

/** A tensor of the checkpoint as a graph wants it stored. */
export interface GraphWeight {
  /** The checkpoint's own name. */
  tensor: string;
  /** Shape in the checkpoint. */
  shape: readonly number[];
  layout: WeightLayout;
  format: WeightFormat;
}

/** A tensor of the weight file. */
export interface StoredTensor extends EncodedPart {
  /** The same in every graph that reads it. */
  name: string;
}

/** What a weight is stored as: its values, or its quants and their scales. */
export function storedTensors(weight: GraphWeight): [StoredTensor, ...StoredTensor[]] {
  const name = storedName(weight);
  const [values, scales] = codecOf(weight.format).parts(arrangedShape(weight.layout, weight.shape));
  const first = { ...values, name };
  return scales === undefined ? [first] : [first, { ...scales, name: `${name}/scales` }];
}

/** The tensor's name, with what was done to it. */
function storedName({ tensor, layout, format }: GraphWeight): string {
  const changes = [
    ...(layout === "published" ? [] : [layout]),
    ...(format.kind === "float32" ? [] : [formatName(format)]),
  ];
  return [tensor, ...changes].join("/");
}

/** A tensor of the weight file as an input of a graph's nodes; the same bytes may have other sides. */
export interface Initialiser {
  name: string;
  type: ElementType;
  shape: readonly number[];
}
