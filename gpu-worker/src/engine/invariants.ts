import type { EngineSnapshot } from "./engine.ts";

/**
 * What holds between any two steps of the engine: every slot is free or held by one running
 * sequence, and by no other.
 *
 * @throws Error that says which slots break it
 */
export function assertInvariants({ running, freeSlots, slots }: EngineSnapshot): void {
  const held = running.map(({ slot }) => slot);
  const isValid = held.every((slot) => slot !== undefined && slot >= 0 && slot < slots);
  if (!isValid || new Set(held).size !== held.length) {
    throw new Error(`expected each running sequence in a slot of its own, got ${held.join(", ")}`);
  }
  if (held.length + freeSlots !== slots) {
    throw new Error(`${held.length} slots are held and ${freeSlots} free, expected ${slots}`);
  }
}
