/**
 * Like `Promise.all(items.map(map))` with at most `limit` calls at a time. After the first failure
 * no further call starts, and the signal that the running ones were given aborts.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  limit: number,
  map: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const failure = new AbortController();
  const results = new Map<number, R>();
  const queue = items.entries();

  const work = async () => {
    // All workers draw from one iterator, so each item is taken once.
    for (const [index, item] of queue) {
      failure.signal.throwIfAborted();
      results.set(index, await map(item, failure.signal));
    }
  };
  try {
    await Promise.all(Array.from({ length: limit }, work));
  } catch (error) {
    failure.abort(error);
    throw error;
  }
  return items.flatMap((_, index) => results.get(index) ?? []);
}
