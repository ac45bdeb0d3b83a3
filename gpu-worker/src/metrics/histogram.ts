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

  /** Its lines in Prometheus's text format. */
  format(name: string): string {
    let total = 0;
    const lines = Array.from(this.#counts, (count, bucket) => {
      total += count;
      return `${name}_bucket{le="${this.#bounds[bucket] ?? "+Inf"}"} ${total}\n`;
    });
    return `${lines.join("")}${name}_sum ${this.#sum}\n${name}_count ${total}\n`;
  }
}
