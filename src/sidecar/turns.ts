/** Gathers what is to be done in one turn of the event loop: what is alike is done in a row, and what comes after it waits in line, while the disk and other callers are served. */

/**
 * Few enough that a report or a halt waits for a millisecond or two; many enough that the disk, and the signature of the journal's head, are paid once for
 * many.
 */
const TURN_MAX = 32

/** A line of callers. They are let through in the order in which they came, so many in one turn. */
export class Turns {
  readonly #max: number
  #waiting: (() => void)[] = []

  constructor(max = TURN_MAX) {
    this.#max = max
  }

  /**
   * Resolves when it is the caller's turn, which is after all that has arrived was read: requests that are parsed one after another and then judged one after
   * another take a fifth less of a processor than those that are parsed and judged in turns, since the code of neither drives the other's out of its caches.
   */
  next(): Promise<void> {
    return new Promise((go) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#begin())
      this.#waiting.push(go)
    })
  }

  #begin(): void {
    const first = this.#waiting.slice(0, this.#max)
    this.#waiting = this.#waiting.slice(this.#max)
    if (this.#waiting.length > 0) setImmediate(() => this.#begin())
    for (const go of first) go()
  }
}
