import { TensorIndex } from "../weights/tensor-index.ts";
import type { LocatedTensors } from "../weights/tensor-index.ts";
import type { PlacedWeight } from "./weight-places.ts";
import { writeSlice } from "./weight-slice.ts";
import type { SourceSlice } from "./weight-slice.ts";

/** A slice of a weight to encode; crosses the thread border as a plain value. */
export interface SliceTask {
  /** Descriptor of the weight file; the threads of a process share it. */
  file: number;
  /** Where the checkpoint has the tensor. */
  source: LocatedTensors;
  placed: PlacedWeight;
  part: SourceSlice;
}

/** Entry of a worker thread: what piscina calls for each task. */
export function runSliceTask({ file, source, placed, part }: SliceTask): Promise<void> {
  return writeSlice(file, new TensorIndex(source), placed, part);
}
