/** Bounds how much is done in one turn of the event loop: what comes after it waits in line, while the disk and other callers are served. */

/**
 * Few enough that a report or a halt waits for a fraction of a millisecond and the disk gets its next group as soon as it is free; many enough that going
 * round the loop costs nothing beside them.
 */
const TURN_MAX = 8

/** A line of callers. They are let through in the order in which they came, so many in one turn. */
export class Turns {
  readonly #max: number
  #taken = 0
  #waiting: (() => void)[] = []
  #isResting = false

  constructor(max = TURN_MAX) {
    this.#max = max
  }

  /** Whether the caller may go on at once; if not it waits for `next`. */
  take(): boolean {
    if (this.#waiting.length > 0 || this.#taken === this.#max) return false
    this.#taken += 1
    this.#rest()
    return true
  }

  /** Resolves when it is the caller's turn. */
  next(): Promise<void> {
    this.#rest()
    return new Promise((go) => {
      this.#waiting.push(go)
    })
  }

  #rest(): void {
    if (this.#isResting) return
    this.#isResting = true
    setImmediate(() => this.#begin())
  }

  #begin(): void {
    this.#isResting = false
    const [first, rest] = [this.#waiting.slice(0, this.#max), this.#waiting.slice(this.#max)]
    this.#waiting = rest
    this.#taken = first.length
    if (this.#taken > 0) this.#rest()
    for (const go of first) go()
  }
}
