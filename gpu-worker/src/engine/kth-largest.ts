/** The k-th largest of the values, 1 ≤ k ≤ length, by a heap of the k largest: no full sort. */
export function kthLargest(values: Float32Array, k: number): number {
  // A min-heap: its root is the smallest of the k largest so far. Sorted ascending, it is one.
  const heap = values.slice(0, k).toSorted();
  let root = heap[0] ?? Number.NEGATIVE_INFINITY;
  for (let index = k; index < values.length; index++) {
    const value = values[index] ?? root;
    if (value > root) {
      replaceRoot(heap, value);
      root = heap[0] ?? root;
    }
  }
  return root;
}

function replaceRoot(heap: Float32Array, value: number): void {
  let hole = 0;
  for (;;) {
    const left = 2 * hole + 1;
    const right = left + 1;
    const smaller = valueAt(heap, right) < valueAt(heap, left) ? right : left;
    if (valueAt(heap, smaller) >= value) {
      heap[hole] = value;
      return;
    }
    heap[hole] = valueAt(heap, smaller);
    hole = smaller;
  }
}

/** Beyond the end nothing is smaller. */
function valueAt(heap: Float32Array, index: number): number {
  return heap[index] ?? Number.POSITIVE_INFINITY;
}
