/** Writes checkpoints of what is durable, in slices between other work, and never in the way of a decision. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../base/clock.ts'
import { VERSION } from '../base/version.ts'
import { STATE_SCHEMA, stateLines } from '../engine/state-lines.ts'
import type { State } from '../engine/state.ts'
import { CheckpointWriter, keepNewest } from '../journal/checkpoint-file.ts'
import type { IndexSnapshot } from '../journal/decision-index.ts'
import type { HeadSigner } from '../journal/head-file.ts'
import { indexLines } from '../journal/index-lines.ts'
import type { JournalIo } from '../journal/io.ts'
import type { Journal } from '../journal/journal.ts'
import { hashAt } from '../journal/read.ts'
import type { CheckpointOptions } from './checkpoint-options.ts'

/** What checkpoints are written with. */
export interface CheckpointParts extends CheckpointOptions {
  readonly directory: string
  readonly journal: Journal
  readonly io: JournalIo
  readonly signer: HeadSigner
  readonly fsync: boolean
  readonly clock: Pick<Clock, 'steadyMicros'>
}

/** Files kept: should the newest be damaged, there is one before. */
const KEPT = 2
/** How long a slice may take, and its pause, in which everything else has the process to itself. */
const SLICE_MICROS = 1_000
const PAUSE_MS = 4
/** Lines of a slice at most, should the clock stand. */
const SLICE_LINES = 64

/** All checkpoints of one process; one is written at a time. */
export class Checkpoints {
  readonly #parts: CheckpointParts
  /** Where the next is due. */
  #due: number
  #last: number
  #writing: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** At the end there is nothing left to make way for. */
  #hurried = false

  /** `last` is the sequence of the newest checkpoint that fits. */
  constructor(parts: CheckpointParts, last: number) {
    this.#parts = parts
    this.#last = last
    this.#due = parts.everyRecords === null ? Number.POSITIVE_INFINITY : last + parts.everyRecords
  }

  /** The sequence of the newest checkpoint; 0 when there is none. */
  get last(): number {
    return this.#last
  }

  /** Whether one is due at `sequence`, and none is being written. */
  isDue(sequence: number): boolean {
    return sequence >= this.#due && this.#writing === undefined
  }

  /** Begins a checkpoint of `state`, which is durable, unless one is being written. `snapshot` is the index as it was then. */
  begin(state: State, snapshot: IndexSnapshot | undefined): void {
    if (this.#writing !== undefined || snapshot === undefined || this.#hurried) return
    this.#writing = this.#write(state, snapshot).finally(() => (this.#writing = undefined))
  }

  /** Ends what is being written, then writes the last, of `state`, without pauses. Further calls give the same promise. */
  close(state: State, snapshot: IndexSnapshot | undefined): Promise<void> {
    this.#closing ??= this.#close(state, snapshot)
    return this.#closing
  }

  async #close(state: State, snapshot: IndexSnapshot | undefined): Promise<void> {
    this.#hurried = true
    await this.#writing
    const { everyRecords, journal } = this.#parts
    const isNew = state.sequence > this.#last
    if (everyRecords !== null && isNew && journal.failed === null && snapshot !== undefined)
      await this.#write(state, snapshot)
  }

  /** Never rejects: without a checkpoint a start takes longer, and that is all. */
  async #write(state: State, snapshot: IndexSnapshot): Promise<void> {
    const { directory, io, clock, everyRecords, report } = this.#parts
    const { sequence } = state
    const started = clock.steadyMicros()
    this.#due = sequence + (everyRecords ?? Number.POSITIVE_INFINITY)
    let writer: CheckpointWriter | undefined
    try {
      await keepNewest(directory, sequence, KEPT)
      writer = await CheckpointWriter.begin(io, directory, sequence)
      await this.#writeLines(writer, state, snapshot)
      await this.#publish(writer, sequence)
      this.#last = sequence
      const millis = (clock.steadyMicros() - started) / 1000
      report?.({ kind: 'written', sequence, bytes: writer.bytes, millis })
      await keepNewest(directory, sequence, KEPT)
    } catch (error) {
      await writer?.abandon().catch(() => {})
      report?.({ kind: 'failed', sequence, reason: error instanceof Error ? error.message : String(error) })
    }
  }

  async #writeLines(writer: CheckpointWriter, state: State, snapshot: IndexSnapshot): Promise<void> {
    const { bytesMax, clock, journal } = this.#parts
    const lines = bothLines(state, snapshot)
    for (let isDone = false; !isDone;) {
      const slice: string[] = []
      const until = clock.steadyMicros() + SLICE_MICROS
      do {
        const { done, value } = lines.next()
        isDone = done === true
        if (value !== undefined) slice.push(value)
      } while (!isDone && slice.length < SLICE_LINES && clock.steadyMicros() < until)
      if (slice.length > 0) await writer.add(slice)
      if (writer.bytes > bytesMax) throw new RangeError(`it would be larger than ${bytesMax} bytes`)
      if (journal.failed !== null) throw journal.failed
      if (!this.#hurried) await pause(PAUSE_MS)
    }
  }

  async #publish(writer: CheckpointWriter, sequence: number): Promise<void> {
    const { directory, journal, signer, fsync } = this.#parts
    const hash = await hashAt(directory, sequence)
    if (hash === undefined) throw new Error(`record ${sequence} is not there to be read`)
    // INVARIANT: no checkpoint is ahead of the signed head, so that one ahead of the journal means that the journal was cut.
    await journal.covered()
    await writer.publish({ sequence, hash, engine: VERSION, state: STATE_SCHEMA }, signer, fsync)
  }
}

/** All lines of a checkpoint. */
export function* bothLines(state: State, snapshot: IndexSnapshot): Generator<string, undefined> {
  yield* stateLines(state)
  yield* indexLines(snapshot)
  return undefined
}
