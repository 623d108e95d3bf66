/** How often each caller may ask, so that one that runs away leaves room for the others. */

const SECOND_MS = 1000
/** Callers that are counted at a time: there are as many tokens as were given out, but any number of addresses. */
const CALLERS_MAX = 10_000

/** Counts what callers ask in seconds, each from its first request on. */
export class Rates {
  readonly #max: number
  readonly #now: () => number
  /** In the order in which their seconds began. */
  readonly #seconds = new Map<string, { readonly since: number; count: number }>()

  /** At most `max` requests a second, one or more; `now` is in milliseconds and never goes back. */
  constructor(max: number, now: () => number = () => performance.now()) {
    this.#max = max
    this.#now = now
  }

  /** Counts a request; whether it is one too many. */
  isOver(caller: string): boolean {
    const now = this.#now()
    const second = this.#seconds.get(caller)
    if (second !== undefined && now - second.since < SECOND_MS) {
      second.count += 1
      return second.count > this.#max
    }
    this.#seconds.delete(caller)
    const [oldest] = this.#seconds.size < CALLERS_MAX ? [] : this.#seconds.keys()
    if (oldest !== undefined) this.#seconds.delete(oldest)
    this.#seconds.set(caller, { since: now, count: 1 })
    return false
  }
}
