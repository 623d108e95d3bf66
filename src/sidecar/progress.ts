/** Lets archives and other sidecars know now and then how far a sidecar's journal has come, and shortens the inbox by what was taken. */
import type { Cluster } from '../cluster/cluster.ts'
import type { Tenure } from '../engine/state.ts'

/** Milliseconds between two words. */
const REPORT_MS = 1_000
/** Inputs, or milliseconds, after which what was taken is cut off. */
const TRIM_EVERY = 1_024
const TRIM_MS = 60_000

export class Progress {
  readonly #cluster: Cluster
  readonly #steadyMs: () => number
  #at = Number.NEGATIVE_INFINITY
  #untrimmed = 0
  #trimmedAt = Number.NEGATIVE_INFINITY

  /** `steadyMs` is a clock that never goes back. */
  constructor(cluster: Cluster, steadyMs: () => number) {
    this.#cluster = cluster
    this.#steadyMs = steadyMs
  }

  /** Says that everything up to `sequence` is on the disk, unless that was done lately. */
  tell(sequence: number): void {
    const now = this.#steadyMs()
    if (now - this.#at < REPORT_MS) return
    this.#at = now
    const { name, retention } = this.#cluster
    void retention.report(name, sequence)
  }

  /** To be told of each portion of inputs that a home has taken, up to `taken`. */
  async took(count: number, taken: Tenure['taken']): Promise<void> {
    this.#untrimmed += count
    if (this.#untrimmed >= TRIM_EVERY) await this.#trim(taken)
  }

  /** Cuts off what was taken, unless that was done lately: first thing as home, since what others left is in the way of what is to come. */
  async shorten(taken: Tenure['taken']): Promise<void> {
    if (this.#steadyMs() - this.#trimmedAt >= TRIM_MS) await this.#trim(taken)
  }

  async #trim(taken: Tenure['taken']): Promise<void> {
    this.#untrimmed = 0
    this.#trimmedAt = this.#steadyMs()
    const { inbox, halts } = this.#cluster
    await Promise.all([inbox.trim(taken), halts.trim(taken.halts)])
  }
}
