/**
 * A row of values from the oldest to the newest that is a value itself: putting one behind or taking some away in front makes a new queue.
 *
 * Values lie in chunks. What is put behind goes into the free end of the last chunk, which all queues with that chunk share: those from before do not look
 * so far. Where another queue has taken that place already, the chunk is copied first.
 */

const CHUNK = 256

export class Queue<T> implements Iterable<T> {
  static readonly #EMPTY = new Queue<never>([], 0, 0)
  readonly #chunks: readonly T[][]
  /** Where in the first chunk the oldest is. */
  readonly #from: number
  readonly size: number

  private constructor(chunks: readonly T[][], from: number, size: number) {
    this.#chunks = chunks
    this.#from = from
    this.size = size
  }

  static empty<T>(): Queue<T> {
    return Queue.#EMPTY
  }

  static of<T>(values: Iterable<T>): Queue<T> {
    let queue = Queue.empty<T>()
    for (const value of values) queue = queue.push(value)
    return queue
  }

  /** The value `place` behind the oldest. */
  get(place: number): T | undefined {
    if (place < 0 || place >= this.size) return undefined
    const at = this.#from + place
    return this.#chunks[Math.floor(at / CHUNK)]?.[at % CHUNK]
  }

  first(): T | undefined {
    return this.get(0)
  }

  last(): T | undefined {
    return this.get(this.size - 1)
  }

  push(value: T): Queue<T> {
    const end = this.#from + this.size
    const [index, place] = [Math.floor(end / CHUNK), end % CHUNK]
    const last = this.#chunks[index]
    let chunks = this.#chunks
    if (last === undefined) chunks = [...chunks, [value]]
    // INVARIANT: what any queue can see of a chunk never changes.
    else if (last.length === place) last.push(value)
    else chunks = [...chunks.slice(0, index), [...last.slice(0, place), value]]
    return new Queue(chunks, this.#from, this.size + 1)
  }

  /** Without the oldest. */
  shift(): Queue<T> {
    return this.drop(1)
  }

  /** Without the oldest `count`. */
  drop(count: number): Queue<T> {
    if (count <= 0) return this
    if (count >= this.size) return Queue.empty()
    const from = this.#from + count
    const gone = Math.floor(from / CHUNK)
    return new Queue(gone === 0 ? this.#chunks : this.#chunks.slice(gone), from % CHUNK, this.size - count)
  }

  *[Symbol.iterator](): Generator<T, undefined> {
    for (const row of this.rows()) yield* row
    return undefined
  }

  /** The values in rows, from the oldest. */
  *rows(): Generator<readonly T[], undefined> {
    const end = this.#from + this.size
    for (const [index, chunk] of this.#chunks.entries())
      yield chunk.slice(index === 0 ? this.#from : 0, end - index * CHUNK)
    return undefined
  }
}
