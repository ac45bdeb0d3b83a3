/** KV slots, lent out lowest first, so that the slots in use stay close together. */
export class SlotPool {
  readonly #free: Set<number>;

  constructor(slots: number) {
    this.#free = new Set(Array(slots).keys());
  }

  get freeCount(): number {
    return this.#free.size;
  }

  acquire(): number {
    if (this.#free.size === 0) {
      throw new Error("no KV slot is free");
    }
    const slot = Math.min(...this.#free);
    this.#free.delete(slot);
    return slot;
  }

  release(slot: number): void {
    if (this.#free.has(slot)) {
      throw new Error(`KV slot ${slot} is free already`);
    }
    this.#free.add(slot);
  }
}
