/** Brings what a home recorded into the log before anybody is told: under its epoch, in one chain, again until the log has it or the lease is lost. */
import type { Timers } from '../base/clock.ts'
import { EphorError } from '../base/errors.ts'
import { RETRY_MS, type Log, type LogEntry } from '../cluster/cluster.ts'
import type { BeforeRelease } from '../journal/writer.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import type { Recorder } from './recorder.ts'

/** What it works with. */
export interface ShippingParts {
  readonly log: Log
  readonly lease: LeaseKeeper
  readonly timers: Timers
  /** The journal. */
  readonly book: () => Pick<Recorder, 'linesFrom'>
  /** Told when the log says that another is home. */
  readonly lost: (reason: string) => void
}

export class Shipping {
  /** What happens to groups on the disk: copies are in the log already, a home's go there, and what a home has left over goes nowhere. */
  mode: 'copies' | 'own' | 'nothing' = 'copies'
  readonly #parts: ShippingParts
  /** The last record that is surely in the log. */
  #logged = 0

  constructor(parts: ShippingParts) {
    this.#parts = parts
  }

  /** From now on groups go to the log, which has the records up to `logged`. */
  begin(logged: number): void {
    this.#logged = logged
    this.mode = 'own'
  }

  /** Whether a home has left nothing over that the log lacks, where its journal ends at `sequence`. */
  isThrough(sequence: number): boolean {
    return this.#logged === sequence
  }

  readonly beforeRelease: BeforeRelease = async (first, lines) => {
    if (this.mode === 'copies') return
    await this.#append(lines().map((line, place) => ({ sequence: first + place, line })))
  }

  /** Appends records of the journal that the log lacks: from `from` on, those before `to`. */
  async offer(from: number, to: number): Promise<void> {
    if (from >= to) return
    for await (const lines of this.#parts.book().linesFrom(from)) {
      const missing = lines.filter(({ sequence }) => sequence < to)
      if (missing.length === 0) return
      await this.#append(missing)
    }
  }

  async #append(entries: readonly LogEntry[]): Promise<void> {
    const { log, lease, lost, timers } = this.#parts
    const [first] = entries
    const last = entries.at(-1)
    if (first === undefined || last === undefined) return
    for (;;) {
      if (this.mode !== 'own')
        throw new EphorError('HOME_LOST', 'records that are not in the log are not released')
      const { epoch } = lease
      const appended = await log.append(epoch, entries)
      switch (appended.kind) {
        case 'appended':
          this.#logged = Math.max(this.#logged, last.sequence)
          return
        case 'stale':
          // A renewal on its way may find that the lease is ours again, under another epoch.
          await lease.renewed()
          if (lease.epoch === epoch) lost(`epoch ${appended.epoch} came after ${epoch}`)
          break
        case 'restarted':
          // The next renewal finds out whose it is now.
          await timers.pause(RETRY_MS)
          break
        case 'behind':
          await this.offer(appended.end.sequence + 1, first.sequence)
          break
        case 'differs':
          throw new EphorError(
            'LOG_DIFFERS',
            `the log ends at ${appended.end.sequence} with ${appended.end.hash}, which record ${first.sequence} does not follow`,
          )
        case 'unreachable':
          await timers.pause(RETRY_MS)
      }
    }
  }
}
