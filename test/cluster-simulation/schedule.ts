/** Simulated time: what is to happen, in its order. Each step runs one of it, and all that follows from it at once. */
interface Entry {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

export class Schedule {
  /** Milliseconds since the simulation began. */
  now = 0
  steps = 0
  #order = 0
  readonly #heap: Entry[] = []

  /** Runs it after so many milliseconds, unless what it answers is called before. */
  after(ms: number, run: () => void): () => void {
    const entry: Entry = { at: this.now + Math.max(0, ms), order: this.#order++, run }
    this.#push(entry)
    return () => {
      entry.run = undefined
    }
  }

  readonly sleep = (ms: number): Promise<void> =>
    new Promise((done) => {
      this.after(ms, done)
    })

  /** Does what comes next, at its time. */
  async step(): Promise<void> {
    let next = this.#pop()
    while (next?.run === undefined) {
      if (next === undefined) throw new Error('nothing is left to happen')
      next = this.#pop()
    }
    this.now = next.at
    this.steps += 1
    next.run()
    // All promises that follow are settled when this comes: nothing in a simulation waits for anything else.
    await new Promise(setImmediate)
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !isBefore(entry, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
  }

  #pop(): Entry | undefined {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      let least = left
      const [one, other] = [heap[left], heap[left + 1]]
      if (one === undefined) break
      if (other !== undefined && isBefore(other, one)) least = left + 1
      const child = least === left ? one : (other as Entry)
      if (!isBefore(child, last)) break
      heap[at] = child
      at = least
    }
    heap[at] = last
    return first
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
