/** How far this sidecar’s journal is surely in the log, and whether all was read that was in it when this sidecar came: by the rest nothing is let through while cut off. */
import type { LogEnd, Unreachable } from '../cluster/cluster.ts'
import type { Alignment } from './alignment.ts'

export class Committed {
  /** The end of the log when it was first seen, or again after nothing was known of it. */
  #begin: number | undefined
  #copied = 0

  /** The log ended at `log`, and the journal, which is it or its beginning, at `journal`. */
  aligned(log: number, journal: number): void {
    this.#begin ??= log
    this.#copied = journal
  }

  /** The log does not have all of the journal: it never had it, has lost it, or went on otherwise. What is let through by it could be reserved for others there. */
  unknown(): void {
    this.#begin = undefined
  }

  /**
   * Takes where the `log` and the `journal` end. A log that ends before the journal lost what was copied from it, or went on otherwise: nothing is read from it then that
   * would say so. Where nothing is known and all of the journal may be in the log again, it is looked for.
   */
  async compare(log: LogEnd, journal: LogEnd, look: () => Promise<Alignment | Unreachable>): Promise<void> {
    const hasLess =
      log.sequence < journal.sequence || (log.sequence === journal.sequence && log.hash !== journal.hash)
    if (hasLess) this.unknown()
    if (hasLess || this.#begin !== undefined) return
    const found = await look()
    if (found.kind === 'aligned') this.aligned(found.end.sequence, journal.sequence)
  }

  /** Records up to this one were copied from the log. */
  copied(sequence: number): void {
    this.#copied = sequence
  }

  /** The last record of which that is known, where a home brought those up to `logged` into the log and those up to `durable` are on this disk; 0 before all was read, and where nothing is known of it. */
  upTo(logged: number, durable: number): number {
    return this.#begin === undefined || durable < this.#begin ? 0 : Math.max(this.#copied, logged)
  }
}
