import type { TaskOf } from "./subject-task.ts";

/** What is measured of a model; each resolves to the seconds that it took. */
export interface SubjectModel {
  reach(task: TaskOf<"reach">): Promise<number>;
  prefill(task: TaskOf<"prefill">): Promise<number>;
  decode(task: TaskOf<"decode">): Promise<number>;
  encode(task: TaskOf<"encode">): Promise<number>;
}

/** Token ids that look random; no tokenizer of either side has fewer. */
export function promptTokens(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => ((first + index) * 31 + 17) % 1500);
}

export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
