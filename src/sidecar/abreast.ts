/** Whether this journal is what the log holds, of which it has all: by nothing else anything is let through while cut off. */
import type { Acquired, LogEnd } from '../cluster/cluster.ts'

/** Milliseconds by which the last look may be older than the last word on the lane of halts: they come every 100, and a cut ends both. */
const OLDER_MS = 500

export class Abreast {
  /** The end of the log at the look before the last, or at that where it was the first since a doubt. */
  #from: number | undefined
  /** … and at the last. */
  #to: number | undefined
  /** When that was sent, in milliseconds of a clock that never goes back. */
  #sent = Number.NEGATIVE_INFINITY
  /** The run of the server in which that was. */
  #run: string | undefined

  /** The journal may be another than the log, or go beyond it. */
  doubt(): void {
    this.#from = undefined
    this.#to = undefined
  }

  /**
   * Takes what came of asking for the lease at `sent`, beside where the journal ends, which was copied from the log. One that ends before it, or elsewhere, went on otherwise or lost what was
   * copied; and so may one in another run of the server, however long it is, until it was read up to there: nothing is copied from it that does not follow.
   */
  look(asked: Acquired, journal: LogEnd, sent: number): void {
    if (asked.kind !== 'held' || !reaches(asked.end, journal)) return this.doubt()
    if (asked.run !== this.#run) this.doubt()
    this.#run = asked.run
    this.#from = this.#to ?? asked.end.sequence
    this.#to = asked.end.sequence
    this.#sent = sent
  }

  /**
   * Whether that is so at `now` of a journal of which records up to `durable` are on the disk, where halts were heard `silentMs` ago. A look that is older than that is of no cut: the log alone was
   * not reached, or the disk stood still, and what came in it since is not known here.
   */
  isSure(durable: number, now: number, silentMs: number): boolean {
    return this.#from !== undefined && durable >= this.#from && now - this.#sent <= silentMs + OLDER_MS
  }
}

function reaches(log: LogEnd, journal: LogEnd): boolean {
  return log.sequence === journal.sequence ? log.hash === journal.hash : log.sequence > journal.sequence
}
