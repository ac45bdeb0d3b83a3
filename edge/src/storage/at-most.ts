/** Runs work when it is its turn. */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/** A gate that lets `limit` pieces of work run at a time, in order of arrival. */
export function atMost(limit: number): Gate {
  let free = limit;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) {
      free--;
    } else {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) {
        free++;
      } else {
        next(); // the turn goes on to it
      }
    }
  };
}
