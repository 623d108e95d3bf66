/** Whether the log of the first partition still has all that was followed here: while it may not, what is owned here could be given to another there, and nothing new is risked. */
import type { Timers } from '../base/clock.ts'
import { EphorError } from '../base/errors.ts'
import type { Input } from '../engine/step.ts'
import type { Delivered } from '../engine/tenure.ts'
import { risks } from './lookout.ts'

/** Milliseconds to wait for the first look, and between two of it. */
const [FIRST_MS, RETRY_MS] = [1_000, 5]
/** Milliseconds that a look at that log holds. */
const SURE_MS = 1_000
/**
 * Milliseconds for which a home of the first that goes on without the records of one before writes nothing. The homes of the others look ten times a second and have seen by then that its log is
 * shorter than what they followed, or have not seen it for too long: either way they have risked nothing new since.
 */
export const ABSENCE_MS = 3_000

export class FirstWatch {
  readonly #follows: boolean
  #sureAt = Number.NEGATIVE_INFINITY
  #isNew = false
  #why = 'the log of the first partition was not read yet'
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number

  /** `follows` where this is another than the first of several partitions. */
  constructor(follows: boolean, now: () => number) {
    this.#follows = follows
    this.now = now
  }

  /** All that is followed here was in that log when it was looked at, by a call sent at `sent` of the steady clock. */
  sure(sent: number): void {
    this.#isNew = false
    this.#sureAt = sent
    this.#why = 'the log of the first partition was not read lately'
  }

  /** This sidecar becomes home, and has not looked yet. */
  begin(): void {
    this.freeze('this sidecar has just become home')
    this.#isNew = this.#follows
  }

  /** Whether nobody has looked yet. */
  get isNew(): boolean {
    return this.#isNew
  }

  /** Resolves after the first look, or when that takes too long to wait for it. */
  async looked({ pause }: Pick<Timers, 'pause'>): Promise<void> {
    for (let left = FIRST_MS; this.#isNew && left > 0; left -= RETRY_MS) await pause(RETRY_MS)
  }

  /** Something of it may not be there any more. */
  freeze(why: string): void {
    this.#isNew = false
    this.#sureAt = Number.NEGATIVE_INFINITY
    this.#why = why
  }

  /** Throws where an input could let somebody risk more and may not. */
  assertFree(input: Input): void {
    if (this.#isFrozen(input)) throw new EphorError('HOME_UNKNOWN', this.#why)
  }

  /** What came over the inbox, refused where it may not be handled: its sender may ask again. */
  unlessFrozen(delivered: Delivered): Delivered {
    const { input, ...entry } = delivered
    if (input === undefined || !this.#isFrozen(input)) return delivered
    return { ...entry, input: undefined, refusal: { code: 'HOME_LOST', detail: this.#why } }
  }

  #isFrozen(input: Input): boolean {
    return this.#follows && risks(input) && this.now() - this.#sureAt > SURE_MS
  }
}
