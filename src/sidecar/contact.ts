/** When Redis was heard last, and why nothing is taken while it is not. */
import type { Unreachable } from '../cluster/cluster.ts'

/** Milliseconds without a word from Redis after which a follower is not ready. */
const CONTACT_MS = 1_000

export class Contact {
  why = 'joining the cluster'
  readonly #steady: () => number
  #at = Number.NEGATIVE_INFINITY

  /** `steady` gives milliseconds of a clock that never goes back. */
  constructor(steady: () => number) {
    this.#steady = steady
  }

  /** Whether nothing was heard for too long. */
  get isOld(): boolean {
    return this.#steady() - this.#at > CONTACT_MS
  }

  /** Takes what came of a call. */
  reached<T extends { readonly kind: string }>(result: T | Unreachable): result is T {
    if (result.kind !== 'unreachable') {
      this.#at = this.#steady()
      return true
    }
    this.why = (result as Unreachable).detail
    return false
  }
}
