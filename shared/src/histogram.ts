/** How often a figure was at most each of some bounds, as Prometheus has it; noting one allocates nothing. */
export class Histogram {
  /** Ascending. */
  readonly #bounds: readonly number[];
  /** Of each bucket alone; the last one is of figures above all bounds. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** @param times how many figures of this size */
  note(value: number, times = 1): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? 0)) {
      bucket++;
    }
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + times;
    this.#sum += value * times;
  }

  /**
   * Its lines in Prometheus's text format.
   *
   * @param label one more label of each line, such as `route="/health"`
   */
  format(name: string, label = ""): string {
    const own = label === "" ? "" : `{${label}}`;
    const others = label === "" ? "" : `${label},`;
    let total = 0;
    const lines = Array.from(this.#counts, (count, bucket) => {
      total += count;
      return `${name}_bucket{${others}le="${this.#bounds[bucket] ?? "+Inf"}"} ${total}\n`;
    });
    return `${lines.join("")}${name}_sum${own} ${this.#sum}\n${name}_count${own} ${total}\n`;
  }
}
