/** A queue by time that never changes: putting in and taking out give a new one, in time logarithmic in its size. */

/** C. A. Crane's leftist tree: the path to the nearest gap is never longer on the right, so merging walks down short paths. */
export type Heap<T> = Node<T> | null

interface Node<T> {
  readonly at: number
  readonly value: T
  /** Nodes from here to the nearest gap. */
  readonly rank: number
  readonly left: Heap<T>
  readonly right: Heap<T>
}

/** `heap` with `value` due `at`. */
export function push<T>(heap: Heap<T>, at: number, value: T): Heap<T> {
  return merge(heap, { at, value, rank: 1, left: null, right: null })
}

/** `heap` without the earliest. */
export function pop<T>(heap: Node<T>): Heap<T> {
  return merge(heap.left, heap.right)
}

function merge<T>(a: Heap<T>, b: Heap<T>): Heap<T> {
  if (a === null) return b
  if (b === null) return a
  const [first, second] = a.at <= b.at ? [a, b] : [b, a]
  const merged = merge(first.right, second)
  const [left, right] = rankOf(first.left) >= rankOf(merged) ? [first.left, merged] : [merged, first.left]
  return { at: first.at, value: first.value, rank: rankOf(right) + 1, left, right }
}

function rankOf<T>(heap: Heap<T>): number {
  return heap === null ? 0 : heap.rank
}
