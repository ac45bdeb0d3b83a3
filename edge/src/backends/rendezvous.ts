/**
 * A number from 0 to 2^32 - 1 that is about as likely to be any other as the next one: FNV-1a over
 * UTF-16 units with MurmurHash3's finish, without which texts that differ in their last letter stay close.
 */
export function hashOf(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * The same order for the same key, wherever it is computed, and each item first for an equal share of
 * keys. An item that goes takes only its own keys along (rendezvous hashing, Thaler and Ravishankar).
 */
export function rendezvousOrder<T extends { id: string }>(key: string, items: readonly T[]): T[] {
  const seed = hashOf(key);
  return items
    .map((item) => ({ item, weight: hashOf(item.id, seed) }))
    .toSorted((a, b) => b.weight - a.weight)
    .map(({ item }) => item);
}
