/** Keeps a signed head close behind the records on the disk: how long it may be behind, and what waits when it is. */
import type { HeadFile } from './head-file.ts'
import type { ChainEnd } from './record.ts'

/** Groups gather so long before a head covers them together: a head costs a signature and a sync, which beside few records is as much as the records cost. */
const GATHER_MS = 3

/** Where a head is behind by so much, nobody is told anything more until it has caught up. Leaves room for a head to be written. */
export const BEHIND_MS_MAX = 5

/**
 * When nothing has come for so long, the other slot states the same end as the newest. Until then it stands a group behind, and who cuts that group off and damages
 * the newer slot leaves a head that fits.
 */
const SETTLE_MS = 20

/** A stretch of the journal that is on the disk and that no head covers yet. */
interface Stretch {
  readonly end: ChainEnd
  /** Steady time in milliseconds at which its first group was on the disk; never for what a head covers already. */
  readonly since: number
}

/** The writing of heads behind an open journal. */
export class Covering {
  readonly #headFile: HeadFile
  readonly #onFailure: (error: unknown) => void
  #gathering: Stretch | null = null
  #timer: NodeJS.Timeout | undefined
  #settling: NodeJS.Timeout | undefined
  #writing: (Stretch & { readonly done: Promise<void> }) | null = null
  #isStopped = false

  /** `onFailure` is told why a head could not be written; none is written after it. */
  constructor(headFile: HeadFile, onFailure: (error: unknown) => void) {
    this.#headFile = headFile
    this.#onFailure = onFailure
  }

  /** Says that the records up to `end` are on the disk. */
  reached(end: ChainEnd): void {
    clearTimeout(this.#settling)
    this.#timer ??= setTimeout(() => void this.#next(), GATHER_MS)
    this.#gathering = { end, since: this.#gathering?.since ?? performance.now() }
  }

  /** Resolves when no head is behind by more than `BEHIND_MS_MAX`: mostly at once. */
  async caughtUp(): Promise<void> {
    const since = Math.min(this.#writing?.since ?? Infinity, this.#gathering?.since ?? Infinity)
    if (performance.now() - since >= BEHIND_MS_MAX) await this.all()
  }

  /** Resolves when a head covers all that is on the disk now, or when none is written any more. */
  all(): Promise<void> {
    return this.#next()
  }

  /** Lets a head that is being written end, and writes none after it. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    clearTimeout(this.#settling)
    await this.#writing?.done
  }

  /** Covers what has gathered, after the head that is being written: there is one slot that may be overwritten at a time. */
  async #next(): Promise<void> {
    // Another that waited for the same one has begun the next by then, and what gathered goes with that.
    while (this.#writing !== null) await this.#writing.done
    const stretch = this.#gathering
    if (stretch === null || this.#isStopped) return
    this.#gathering = null
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#begin(stretch)
    if (this.#gathering !== null || this.#writing !== null || this.#isStopped) return
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => void this.#settle(stretch.end), SETTLE_MS)
  }

  /** States in the other slot what the newest states, where nothing has come since. */
  async #settle(end: ChainEnd): Promise<void> {
    if (this.#writing === null && this.#gathering === null)
      // A head covers all of it already, so nobody waits for this one.
      await this.#begin({ end, since: Infinity })
  }

  #begin(stretch: Stretch): Promise<void> {
    const done = this.#write(stretch.end)
    this.#writing = { ...stretch, done }
    return done
  }

  async #write(end: ChainEnd): Promise<void> {
    try {
      await this.#headFile.write(end)
    } catch (error) {
      this.#isStopped = true
      this.#onFailure(error)
    }
    this.#writing = null
  }
}
