/** A journal and its fold as a simulated sidecar has them: the chain and the core are real, the disk is an array that a crash cuts. */
import { EphorError } from '../../src/base/errors.ts'
import { hashOfLine, previousOfLine } from '../../src/cluster/cluster.ts'
import { eventText } from '../../src/engine/event-text.ts'
import { handle } from '../../src/engine/handle.ts'
import { apply, EMPTY_STATE, type State } from '../../src/engine/state.ts'
import type { Input, Step } from '../../src/engine/step.ts'
import type { Delivered } from '../../src/engine/tenure.ts'
import type { RecordLine } from '../../src/journal/read.ts'
import { encodeLine, GENESIS, parseLine, type ChainEnd } from '../../src/journal/record.ts'
import type { BeforeRelease } from '../../src/journal/writer.ts'
import type { Event } from '../../src/protocol/event.ts'
import type { Book } from '../../src/sidecar/member-options.ts'
import type { Made } from '../../src/sidecar/recorder.ts'
import { PROGRAM } from './law.ts'

/** The state that the lines before make, by the hash of the last: what a checkpoint is to a restart. */
export type States = Map<string, State>

interface Batch {
  readonly first: number
  readonly lines: string[]
  readonly durable: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: EphorError) => void
}

export interface BookParts {
  readonly now: () => number
  /** Resolves when the disk has what was written; rejects when it fails. */
  readonly sync: () => Promise<void>
  readonly beforeRelease: BeforeRelease
  readonly handleDelivered: (state: State, delivered: Delivered, now: number) => Step
  readonly states: States
  /** Told of events that are durable. */
  readonly hear: (event: Event) => void
}

const line = Buffer.alloc(1_048_576)
const programOf = (): typeof PROGRAM => PROGRAM
const CLOCK_SLACK_MS = 1_000

export class SimulatedBook implements Book {
  /** What a crash leaves: the lines that were written, synced or not. */
  readonly disk: string[]
  /** How many of them are surely there. */
  synced: number
  readonly lines: string[]
  state: State
  durable: State
  end: ChainEnd
  failed: EphorError | null = null
  readonly #parts: BookParts
  #gathering: Batch | undefined
  #latest: Promise<void> = Promise.resolve()
  #flushing: Promise<void> | undefined

  constructor(disk: string[], parts: BookParts) {
    this.disk = disk
    this.lines = [...disk]
    this.synced = disk.length
    this.#parts = parts
    this.state = foldOf(disk, parts.states)
    this.durable = this.state
    const last = disk.at(-1)
    this.end = last === undefined ? GENESIS : { sequence: disk.length, hash: hashOfLine(last) }
  }

  record(input: Input): Made {
    return this.#record((now) => handle(this.state, input, now))
  }

  recordDelivered(delivered: Delivered): Made {
    return this.#record((now) => this.#parts.handleDelivered(this.state, delivered, now))
  }

  async copy(lines: readonly string[]): Promise<void> {
    const happened: Event[] = []
    for (const text of lines) {
      if (previousOfLine(text) !== this.end.hash)
        throw new EphorError('LOG_DIFFERS', `record ${this.end.sequence + 1} does not follow`)
      const { at, event } = parseLine(text)
      this.state = apply(this.state, { at, event: event as unknown as Event }, programOf)
      happened.push(event as unknown as Event)
      this.#gather(text)
    }
    const { state } = this
    this.#parts.states.set(this.end.hash, state)
    await this.#latest
    this.show({ state, happened: () => happened.map((event) => ({ sequence: 0, at: 0, event })) })
  }

  show({ state, happened }: Pick<Made, 'state' | 'happened'>): void {
    if (state.sequence > this.durable.sequence) this.durable = state
    for (const { event } of happened()) this.#parts.hear(event)
  }

  async hashAt(sequence: number): Promise<string | undefined> {
    const text = this.lines[sequence - 1]
    return text === undefined ? undefined : hashOfLine(text)
  }

  async *linesFrom(sequence: number): AsyncGenerator<RecordLine[]> {
    for (let at = sequence; at <= this.disk.length; at += 100)
      yield this.disk.slice(at - 1, at + 99).map((text, place) => ({ sequence: at + place, line: text }))
  }

  /** Resolves when nothing is on its way to the disk any more. */
  async closed(): Promise<void> {
    await this.#flushing
  }

  async flushed(): Promise<void> {
    await this.#latest
  }

  now(): number {
    const now = this.#parts.now()
    const { lastAt } = this.state
    return now < lastAt && lastAt - now <= CLOCK_SLACK_MS ? lastAt : now
  }

  #record(step: (now: number) => Step): Made {
    const now = this.now()
    const [state, events, [effect]] = step(now)
    if (this.failed !== null)
      return { state, effect, events, durable: unheard(rejected(this.failed)), happened: () => [] }
    for (const event of events) {
      const { offset } = encodeLine(line, 0, this.end, { at: now, eventText: eventText(event) })
      this.#gather(line.toString('utf8', 0, offset - 1))
    }
    this.state = state
    this.#parts.states.set(this.end.hash, state)
    const { sequence } = state
    return {
      state,
      effect,
      events,
      durable: this.#latest,
      happened: () =>
        events.map((event, place) => ({ sequence: sequence - events.length + 1 + place, at: now, event })),
    }
  }

  #gather(text: string): void {
    this.lines.push(text)
    this.end = { sequence: this.end.sequence + 1, hash: hashOfLine(text) }
    this.#gathering ??= batchFrom(this.end.sequence)
    this.#gathering.lines.push(text)
    this.#latest = this.#gathering.durable
    this.#flushing ??= Promise.resolve().then(() => this.#flushAll())
  }

  /** As the journal's writer does: onto the disk, before release, then told; group after group. */
  async #flushAll(): Promise<void> {
    while (this.failed === null && this.#gathering !== undefined) {
      const batch = this.#gathering
      this.#gathering = undefined
      try {
        this.disk.push(...batch.lines)
        await this.#parts.sync()
        this.synced = this.disk.length
        await this.#parts.beforeRelease(batch.first, () => batch.lines)
        batch.resolve()
      } catch (error) {
        this.failed = error instanceof EphorError ? error : new EphorError('JOURNAL_FAILED', String(error))
        batch.reject(this.failed)
        ;(this.#gathering as Batch | undefined)?.reject(this.failed)
      }
    }
    this.#flushing = undefined
  }
}

/** The state that the lines make, from the nearest that is known. */
export function foldOf(lines: readonly string[], states: States): State {
  let from = lines.length
  let state: State | undefined
  while (from > 0 && (state = states.get(hashOfLine(lines[from - 1] ?? ''))) === undefined) from -= 1
  return lines.slice(from).reduce((before, text) => {
    const { at, event } = parseLine(text)
    return apply(before, { at, event: event as unknown as Event }, programOf)
  }, state ?? EMPTY_STATE)
}

function batchFrom(first: number): Batch {
  let [resolve, reject]: [() => void, (error: EphorError) => void] = [() => {}, () => {}]
  const durable = new Promise<void>((done, fail) => {
    resolve = done
    reject = fail
  })
  durable.catch(() => {})
  return { first, lines: [], durable, resolve, reject }
}

async function rejected(error: EphorError): Promise<void> {
  throw error
}

/** Nobody need wait for it. */
function unheard(promise: Promise<void>): Promise<void> {
  promise.catch(() => {})
  return promise
}
