/** How far this sidecar’s journal is surely in the log, and whether all was read that was in it when this sidecar came: by the rest nothing is let through while cut off. */
export class Committed {
  /** The end of the log when it was first seen. */
  #begin: number | undefined
  #copied = 0
  /** Where the log ends before the journal does: it never had the rest, or has lost it. */
  #most = Infinity

  /** The log ended at `log`, and the journal, which is it or its beginning, at `journal`. */
  aligned(log: number, journal: number): void {
    this.#begin ??= log
    this.#copied = journal
    this.#most = Infinity
  }

  /** The log ended at `log`, and the journal goes on. */
  ahead(log: number): void {
    this.#most = log
  }

  /** Records up to this one were copied from the log. */
  copied(sequence: number): void {
    this.#copied = sequence
  }

  /** The last record of which that is known, where a home brought those up to `logged` into the log and those up to `durable` are on this disk; 0 before all was read. */
  upTo(logged: number, durable: number): number {
    if (this.#begin === undefined || durable < this.#begin) return 0
    return Math.min(this.#most, Math.max(this.#copied, logged))
  }
}
