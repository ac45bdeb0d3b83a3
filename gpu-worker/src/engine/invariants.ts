import type { EngineSnapshot } from "./engine-snapshot.ts";

/**
 * What holds between any two steps of the engine.
 *
 * @throws Error that says what breaks it
 */
export function assertInvariants(snapshot: EngineSnapshot): void {
  assertSlots(snapshot);
  assertMemory(snapshot);
  assertParked(snapshot);
  assertLine("running", snapshot.running);
  assertLine("waiting", snapshot.waiting);
}

/** Every slot is free or held by one running sequence, and by no other. */
function assertSlots({ running, freeSlots, slots }: EngineSnapshot): void {
  const held = running.map(({ slot }) => slot);
  const isValid = held.every((slot) => slot !== undefined && slot >= 0 && slot < slots);
  if (!isValid || new Set(held).size !== held.length) {
    throw new Error(`expected each running sequence in a slot of its own, got ${held.join(", ")}`);
  }
  if (held.length + freeSlots !== slots) {
    throw new Error(`${held.length} slots are held and ${freeSlots} free, expected ${slots}`);
  }
}

/** No more is held than there is, and no sequence has more in the cache than it has or was lent. */
function assertMemory({ running, tokenBudget, heldTokens }: EngineSnapshot): void {
  if (heldTokens > tokenBudget) {
    throw new Error(`${heldTokens} tokens are held, expected at most ${tokenBudget}`);
  }
  for (const { id, cachedTokens, lentTokens, length } of running) {
    const most = Math.min(lentTokens, length);
    if (cachedTokens > most) {
      throw new Error(`${id} has ${cachedTokens} tokens in the cache, expected at most ${most}`);
    }
  }
}

/** A running sequence has tokens to run, or it is parked with all of them in the cache. */
function assertParked({ running }: EngineSnapshot): void {
  for (const { id, cachedTokens, length, isParked } of running) {
    if (isParked !== (cachedTokens === length)) {
      throw new Error(
        `${id} has ${cachedTokens} of ${length} tokens in the cache and is ${isParked ? "" : "not "}parked`,
      );
    }
  }
}

function assertLine(name: string, line: readonly { id: string; turn: number }[]): void {
  for (const [index, { id, turn }] of line.entries()) {
    if (turn < (line[index - 1]?.turn ?? turn)) {
      throw new Error(`${name} ${id} stands behind one that came later`);
    }
  }
}
