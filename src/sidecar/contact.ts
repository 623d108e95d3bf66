/** When Redis was heard last, and why nothing is taken while it is not. */
import type { Unreachable } from '../cluster/cluster.ts'

/** Milliseconds without a word from Redis after which a follower is not ready. */
const CONTACT_MS = 1_000

export class Contact {
  why = 'joining the cluster'
  readonly #steady: () => number
  #at = Number.NEGATIVE_INFINITY
  #isReached = true

  /** `steady` gives milliseconds of a clock that never goes back. */
  constructor(steady: () => number) {
    this.#steady = steady
  }

  /** Whether Redis was reached when that was tried last. */
  get isReached(): boolean {
    return this.#isReached
  }

  /** Whether nothing was heard for too long. */
  get isOld(): boolean {
    return this.#steady() - this.#at > CONTACT_MS
  }

  /** Takes what came of a call. */
  reached<T extends { readonly kind: string }>(result: T | Unreachable): result is T {
    this.#isReached = result.kind !== 'unreachable'
    if (this.#isReached) this.#at = this.#steady()
    else this.why = (result as Unreachable).detail
    return this.#isReached
  }
}
