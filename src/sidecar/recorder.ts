/** The state, the journal it is the fold of, and the index of decisions, kept in step: what one input or one record of another's journal does to all three. */
import type { KeyObject } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { KeyPair } from '../base/ed25519.ts'
import { eventText } from '../engine/event-text.ts'
import { handle } from '../engine/handle.ts'
import type { ModelOf } from '../engine/optimizer.ts'
import { apply, type State } from '../engine/state.ts'
import type { Effect, Input, Step } from '../engine/step.ts'
import { handleDelivered, type Delivered } from '../engine/tenure.ts'
import type { DecisionIndex } from '../journal/decision-index.ts'
import { nodeIo } from '../journal/io.ts'
import { openJournal, type Journal, type JournalIo, type Recovery } from '../journal/journal.ts'
import { decisionAt, decisionIn, isDecision, type RecordedDecision } from '../journal/query.ts'
import { hashAt, readLineBatches, type RecordLine } from '../journal/read.ts'
import { parseLine, type ChainEnd } from '../journal/record.ts'
import type { BeforeRelease } from '../journal/writer.ts'
import type { Event } from '../protocol/event.ts'
import { CHECKPOINT_DEFAULTS, type CheckpointOptions } from './checkpoint-options.ts'
import { Checkpoints } from './checkpoints.ts'
import type { ConstitutionStore } from './constitutions.ts'
import type { Feed, Happened } from './feed.ts'
import { index, restart, type Folded, type Restart } from './restart.ts'

export interface RecorderOptions {
  readonly journalDirectory: string
  readonly keys: KeyPair
  readonly keyId: string
  /** Public keys that signed the journal's heads before, by id. */
  readonly retiredKeys?: ReadonlyMap<string, KeyObject>
  readonly clock: Clock
  readonly segmentBytesMax?: number
  /** `false` only to measure what durability costs. */
  readonly fsync?: boolean
  /** How the journal reaches the disk; else the file system of the machine. */
  readonly io?: JournalIo
  /** When checkpoints are written; what is left out is as in `CHECKPOINT_DEFAULTS`. */
  readonly checkpoints?: Partial<CheckpointOptions>
}

/** What a recorder works with beside its options. */
export interface RecorderParts {
  readonly store: ConstitutionStore
  readonly feed: Feed
  readonly modelOf: ModelOf
  /** What has to happen to records that are on the disk before anybody is told. */
  readonly beforeRelease?: BeforeRelease | undefined
  /** The last record to keep; those after it are set aside. */
  readonly keepTo?: number | undefined
}

/** A recorder that has started, and how it came to its state. */
export interface OpenedRecorder {
  readonly recorder: Recorder
  readonly recovery: Recovery
  readonly restart: Restart
}

/** What became of one input, on its way to the disk. */
export interface Made {
  readonly state: State
  readonly effect: Effect | undefined
  readonly events: readonly Event[]
  readonly durable: Promise<void>
  readonly happened: () => Happened[]
}

/** Milliseconds that the clock may step back unnoticed; further back nothing is decided. */
const CLOCK_SLACK_MS = 1_000

/**
 * Decisions that are kept in memory, since whoever waits for one asks for it as soon as it is here, and reading it costs ten times as much as recording it:
 * of another's journal, those that were handed on; of our own, those that were voted on.
 */
const AWAITED_MAX = 512

/** One open journal with its fold. */
export class Recorder {
  readonly #journal: Journal
  readonly #directory: string
  readonly #decisions: DecisionIndex
  readonly #checkpoints: Checkpoints
  readonly #clock: Clock
  readonly #parts: RecorderParts
  /** With every input handled: what the next one is judged by. */
  #state: State
  /** With every record that is durable: what may be shown. Behind `#state` while the disk works. */
  #durable: State
  /** The newest decisions that somebody may wait for, by sequence, the oldest first. */
  readonly #awaited = new Map<number, Event>()

  private constructor(
    options: RecorderOptions,
    parts: RecorderParts,
    journal: Journal,
    { state, decisions }: Folded,
    checkpoints: Checkpoints,
  ) {
    this.#journal = journal
    this.#directory = options.journalDirectory
    this.#decisions = decisions
    this.#checkpoints = checkpoints
    this.#clock = options.clock
    this.#parts = parts
    this.#state = state
    this.#durable = state
  }

  /** Opens the journal, folds it, and is ready. Throws `EphorError` when the journal is locked, damaged or cut. */
  static async open(options: RecorderOptions, parts: RecorderParts): Promise<OpenedRecorder> {
    const { journalDirectory: directory, keys, keyId, retiredKeys, clock, segmentBytesMax } = options
    const { fsync = true, io = nodeIo } = options
    const now = (): number => clock.now()
    const { journal, recovery } = await openJournal({
      directory,
      keys,
      keyId,
      publicKeyOf: (id) => retiredKeys?.get(id),
      now,
      ...(segmentBytesMax === undefined ? {} : { segmentBytesMax }),
      fsync,
      io,
      beforeRelease: parts.beforeRelease,
      keepTo: parts.keepTo,
    })
    try {
      const { restart: how, ...folded } = await restart(
        {
          directory,
          journal: recovery.journal,
          sequence: recovery.sequence,
          publicKeyOf: (id) => (id === keyId ? keys.publicKey : retiredKeys?.get(id)),
        },
        (hash) => parts.store.programOf(hash),
      )
      const signer = { journal: recovery.journal, keyId, privateKey: keys.privateKey, now }
      const written = {
        ...CHECKPOINT_DEFAULTS,
        ...options.checkpoints,
        directory,
        journal,
        io,
        signer,
        fsync,
        clock,
      }
      const checkpoints = new Checkpoints(written, how.checkpoint)
      const recorder = new Recorder(options, parts, journal, folded, checkpoints)
      recorder.#takeCheckpoint()
      return { recorder, recovery, restart: how }
    } catch (error) {
      await journal.close()
      throw error
    }
  }

  get state(): State {
    return this.#state
  }

  get durable(): State {
    return this.#durable
  }

  /** The last record, durable or on its way. */
  get end(): ChainEnd {
    return this.#journal.end
  }

  get failed(): Journal['failed'] {
    return this.#journal.failed
  }

  /** How many decisions, from the newest back, `findDecision` surely finds. */
  get reach(): number {
    return this.#decisions.reach
  }

  /** The sequence of the newest checkpoint; 0 when there is none. */
  get checkpoint(): number {
    return this.#checkpoints.last
  }

  /** The clock, held at the last record through the small steps back that clocks take when they are set right. */
  now(): number {
    const now = this.#clock.now()
    const { lastAt } = this.#state
    return now < lastAt && lastAt - now <= CLOCK_SLACK_MS ? lastAt : now
  }

  /** Handles one input and appends what happened; `durable` resolves once it may be told. */
  record(input: Input): Made {
    return this.#record((now) => handle(this.#state, input, now, this.#parts.modelOf))
  }

  /** The same for an input that another sidecar put into the inbox. */
  recordDelivered(delivered: Delivered): Made {
    return this.#record((now) => handleDelivered(this.#state, delivered, now, this.#parts.modelOf))
  }

  /** Appends lines of another's journal and folds them; resolves once they are durable and shown. Throws `LOG_DIFFERS` where they do not follow. */
  async copy(lines: readonly string[]): Promise<void> {
    const { durable, firstSequence } = this.#journal.copy(lines)
    const happened: Happened[] = []
    let state = this.#state
    for (const [place, line] of lines.entries()) {
      const record = parseLine(line)
      const event = record.event as unknown as Event
      const { at } = record
      state = apply(state, { at, event }, (hash) => this.#parts.store.programOf(hash))
      index(this.#decisions, event, firstSequence + place)
      if (isDecision(event)) this.#keep(firstSequence + place, event)
      happened.push({ sequence: firstSequence + place, at, event })
    }
    this.#state = state
    await durable
    this.show({ state, happened: () => happened })
  }

  /** What is durable may be shown. Who begins to listen sees it or hears it, and never both or neither: all in one turn. */
  show({ state, happened }: Pick<Made, 'state' | 'happened'>): void {
    if (state.sequence > this.#durable.sequence) {
      this.#durable = state
      this.#takeCheckpoint()
    }
    const { feed } = this.#parts
    if (feed.isHeard) feed.publish(happened())
  }

  /** The decision `id` as it is recorded; `undefined` when none is durable, or it is out of the index's reach. */
  async findDecision(id: string): Promise<RecordedDecision | undefined> {
    for (const sequence of this.#decisions.candidates(id)) {
      const recorded = await this.decisionAt(sequence)
      if (recorded?.decision.decision === id) return recorded
    }
    return undefined
  }

  /** The decision recorded at `sequence`; `undefined` when there is no durable one. */
  async decisionAt(sequence: number): Promise<RecordedDecision | undefined> {
    if (sequence > this.#durable.sequence) return undefined
    const event = this.#awaited.get(sequence)
    return event === undefined ? decisionAt(this.#directory, sequence) : decisionIn(event, sequence)
  }

  /** The hash of a record; `undefined` when there is none at `sequence`. */
  hashAt(sequence: number): Promise<string | undefined> {
    return hashAt(this.#directory, sequence)
  }

  /** The lines of the journal from `sequence` on, in batches. */
  linesFrom(sequence: number): AsyncIterable<RecordLine[]> {
    return readLineBatches(this.#directory, sequence)
  }

  /** Resolves when all that was recorded is durable. */
  async flushed(): Promise<void> {
    await this.#journal.append([]).durable
  }

  /** Waits for what is on its way, writes a last checkpoint, and closes the journal. */
  async close(): Promise<void> {
    if (this.#journal.failed === null) await this.flushed()
    await this.#checkpoints.close(this.#durable, this.#decisions.snapshot(this.#durable.sequence))
    await this.#journal.close()
  }

  /** Closes the journal whatever has become of it, so that it can be opened again. */
  async abandon(): Promise<void> {
    await this.close().catch(() => this.#journal.close().catch(() => undefined))
  }

  #record(step: (now: number) => Step): Made {
    const now = this.now()
    const started = this.#clock.steadyMicros()
    const [state, events, [effect]] = step(now)
    const timingText = JSON.stringify({ handledMicros: this.#clock.steadyMicros() - started })
    const entries = events.map((event) => ({ at: now, eventText: eventText(event), timingText }))
    // Nothing may come between handling and appending: the journal's order is the order of the fold.
    const { durable } = this.#journal.append(entries)
    const first = this.#state.sequence + 1
    for (const [place, event] of events.entries()) {
      index(this.#decisions, event, first + place)
      if (event.type === 'decided' && event.decision.proposals !== undefined) this.#keep(first + place, event)
    }
    this.#state = state
    return {
      state,
      effect,
      events,
      durable,
      happened: () => events.map((event, place) => ({ sequence: first + place, at: now, event })),
    }
  }

  #keep(sequence: number, event: Event): void {
    this.#awaited.set(sequence, event)
    if (this.#awaited.size <= AWAITED_MAX) return
    const [oldest] = this.#awaited.keys()
    if (oldest !== undefined) this.#awaited.delete(oldest)
  }

  #takeCheckpoint(): void {
    const { sequence } = this.#durable
    if (this.#checkpoints.isDue(sequence))
      this.#checkpoints.begin(this.#durable, this.#decisions.snapshot(sequence))
  }
}
