/** Lets archives know now and then how far a sidecar's journal has come: what comes after, it may need. */
import type { Cluster } from '../cluster/cluster.ts'

/** Milliseconds between two words. */
const REPORT_MS = 1_000

export class Progress {
  readonly #cluster: Cluster
  readonly #steadyMs: () => number
  #at = Number.NEGATIVE_INFINITY

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
}
