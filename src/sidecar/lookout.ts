/** The last look of one of several sidecars: halts that were heard and are not in the state yet, and whether halts can be heard at all. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { systemTimers, type Timers } from '../base/clock.ts'
import { isLater } from '../base/entry-id.ts'
import { EphorError } from '../base/errors.ts'
import { parseStrictJsonBytes } from '../base/strict-json.ts'
import type { HaltEntry, Halts, Put, Unreachable } from '../cluster/cluster.ts'
import { haltedByHeard } from '../engine/redeeming.ts'
import { isForOthers } from '../engine/halts.ts'
import type { OpenPermit } from '../engine/permits.ts'
import type { State } from '../engine/state.ts'
import type { Halt } from '../ledger/ledger.ts'
import type { Input } from '../engine/step.ts'
import type { Delivered } from '../engine/tenure.ts'
import { HaltRequest, HaltScope } from '../protocol/action.ts'
import type { Event } from '../protocol/event.ts'
import { Name } from '../protocol/common.ts'
import { Sighting } from '../protocol/emergency.ts'
import type { Recorder } from './recorder.ts'

/** Milliseconds without a complete reading of halts after which contact counts as lost. */
const LOST_MS = 180
/** Milliseconds to wait for it to come back before a caller is refused: together with the above below 350. */
const WAIT_MS = 150
/** Milliseconds between two looks meanwhile. */
const LOOK_MS = 10

const RaisedHalt = z.strictObject({
  kind: z.literal('halt'),
  request: HaltRequest,
  by: Name,
  monitor: Sighting.optional(),
})
/** What a home put in force itself, at the record `sequence` of its log. */
const Notice = z.strictObject({
  /** Whose log, where there are several partitions. */
  partition: z.int().nonnegative().optional(),
  sequence: z.int().positive(),
  stops: z.array(z.strictObject({ scope: HaltScope, state: z.enum(['reducing', 'halted']) })).max(1_000),
})
type Stop = z.infer<typeof Notice>['stops'][number]

/** What holds releases back until the state has it. */
interface Standing {
  readonly stops: readonly Stop[]
  /** Whether the state has it. */
  readonly isIn: (state: State) => boolean
}

type Book = Pick<Recorder, 'state'>

/** A halt of the lane that a home has to take. */
interface Untaken {
  readonly entry: string
  readonly input: Delivered['input']
}

/** What was heard is known for so many entries, for when records of it are set aside. */
const HEARD_MAX = 10_000

const EVERYTHING: readonly Stop[] = [{ scope: { kind: 'everything' }, state: 'halted' }]
const NOTHING: readonly Stop[] = []

export class Lookout {
  readonly #halts: Halts
  readonly #book: () => Book
  readonly #timers: Timers
  /** The newest entries that were heard, and the journal whose state they were held against. */
  #heard: HaltEntry[] = []
  #seen: Book | undefined
  readonly #partition: number | undefined
  #standing: Standing[] = []
  #untaken: Untaken[] = []
  /** Halts raised here that are not in the lane yet. */
  readonly #unwritten = new Map<string, Stop>()
  /** What is on its way to the others, by its name here, with its place in the lane once it has one. */
  readonly #spreading = new Map<string, string | undefined>()

  /** `book` is the journal that is open: another one each time it is opened. `partition` says whose it is, where a journal that is new does not yet. */
  constructor(halts: Halts, book: () => Book, timers: Timers = systemTimers, partition?: number) {
    this.#halts = halts
    this.#book = book
    this.#timers = timers
    this.#partition = partition
  }

  /** Whether halts are heard. */
  get isInTouch(): boolean {
    return this.#halts.ageMs() <= LOST_MS
  }

  /** Resolves when halts are heard; rejects with `CLUSTER_UNREACHABLE` when they are not for so long that nothing new may be risked. */
  async inTouch(): Promise<void> {
    for (let left = WAIT_MS; !this.isInTouch; left -= LOOK_MS) {
      if (left <= 0)
        throw new EphorError(
          'CLUSTER_UNREACHABLE',
          `halts are not heard: the emergency lane was last read ${this.#since} ago`,
        )
      await this.#timers.pause(LOOK_MS)
    }
  }

  get #since(): string {
    const age = this.#halts.ageMs()
    return Number.isFinite(age) ? `${Math.round(age)} ms` : 'never'
  }

  /** Why what was allowed must not leave: a halt that was heard and that the state does not have yet. */
  assertFree(decision: string, allowed: Pick<OpenPermit, 'agent' | 'action' | 'reducing'>): void {
    const held = haltedByHeard(this.#book().state, decision, allowed, this.#stops())
    if (held !== undefined) throw new EphorError(held.code, held.detail)
  }

  /** Whether any halt is heard that the state does not have yet. */
  get isHolding(): boolean {
    return this.#stops().length > 0
  }

  /** The halts of the lane that were not taken, in order: for the home, before anything else. */
  untaken(): readonly Delivered[] {
    this.#look()
    return this.#untaken.map(({ entry, input }) => ({ lane: 'halts', entry, input }))
  }

  /** Holds at once here, and writes it for all others; goes on trying when it answers `unreachable`. */
  async raise(request: string, input: Input & { kind: 'halt' }): Promise<Put | Unreachable> {
    const { scope, state } = input.request
    // Behind what was taken no home would find it.
    this.#halts.knows(this.#book().state.tenure.taken.halts)
    this.#unwritten.set(request, { scope, state })
    const halt = { request, text: JSON.stringify(input), alwaysFits: scope.kind === 'everything' }
    const put = await this.#halts.put(halt, (entry) => {
      this.#unwritten.delete(request)
      this.#stand([{ scope, state }], entry)
    })
    // Whoever raised it is told that it is none.
    if (put.kind === 'full') this.#unwritten.delete(request)
    return put
  }

  /** Tells the others what this home put in force by itself: it is in the log, which they may be late to read. */
  tell({ events, state }: { readonly events: readonly Event[]; readonly state: State }): void {
    const halted = events.filter((event) => event.type === 'halted')
    if (halted.length === 0) return
    const { sequence, ledger } = state
    const stops = halted.map(({ scope, state: to }) => ({ scope, state: to }))
    const { number, of } = ledger.partition
    this.#halts.notice(JSON.stringify({ ...(of > 1 ? { partition: number } : {}), sequence, stops }))
    this.spread(state)
  }

  /**
   * Tells the homes of other partitions what this one stops that is theirs too, through the lane that all take; so does this one, and it has one name in all of them then. Said again by each new
   * home, since the one before may have ended in between, and where the lane had no room or has lost it.
   */
  spread({ ledger, tenure }: Pick<State, 'ledger' | 'tenure'>): void {
    if (ledger.partition.of === 1 || (ledger.halts.isEmpty() && this.#spreading.size === 0)) return
    const due = ledger.halts.filter(isForOthers)
    for (const [id, place] of this.#spreading)
      if (!due.has(id) || (place !== undefined && !isLater(place, tenure.taken.halts)))
        this.#spreading.delete(id)
    for (const halt of due.values()) if (!this.#spreading.has(halt.id)) void this.#spread(halt)
  }

  async #spread({ id, scope, state, by, reason, monitor }: Halt): Promise<void> {
    this.#spreading.set(id, undefined)
    const seen = monitor === undefined ? {} : { monitor }
    const text = JSON.stringify({ kind: 'halt', request: { scope, state, reason }, by, ...seen })
    const halt = { request: randomUUID(), text, alwaysFits: scope.kind === 'everything' }
    // The lane itself goes on trying where it cannot be reached; here it is in force already.
    const put = await this.#halts.put(halt, (entry) => this.#spreading.set(id, entry))
    if (put.kind === 'full') this.#spreading.delete(id)
  }

  #stops(): readonly Stop[] {
    this.#look()
    if (this.#standing.length === 0 && this.#unwritten.size === 0) return NOTHING
    return [...this.#unwritten.values(), ...this.#standing.flatMap(({ stops }) => stops)]
  }

  #look(): void {
    const book = this.#book()
    if (book !== this.#seen) {
      // A journal that was opened anew may be without the records by which a halt was taken.
      this.#untaken = []
      const { halts } = book.state.tenure.taken
      this.#halts.knows(halts)
      for (const heard of this.#heard)
        if (heard.kind === 'notice' || isLater(heard.entry, halts)) this.#take(heard)
      this.#seen = book
    }
    for (const heard of this.#halts.hear()) {
      this.#take(heard)
      this.#heard.push(heard)
    }
    if (this.#heard.length > 2 * HEARD_MAX) this.#heard = this.#heard.slice(-HEARD_MAX)
    if (this.#standing.length === 0) return
    const { state } = book
    this.#standing = this.#standing.filter(({ isIn }) => !isIn(state))
    this.#untaken = this.#untaken.filter(({ entry }) => isLater(entry, state.tenure.taken.halts))
  }

  #take({ entry, kind, text }: HaltEntry): void {
    const parsed = parseStrictJsonBytes(Buffer.from(text))
    const value = parsed.ok ? parsed.value : undefined
    if (kind === 'notice') {
      const notice = Notice.safeParse(value)
      // A home's own log tells it too, so one that does not read is passed over.
      if (notice.success) {
        const { partition = 0, sequence, stops } = notice.data
        // Of another partition's log nothing is known here; what it stops everywhere comes as a halt.
        if (partition !== (this.#partition ?? this.#book().state.ledger.partition.number)) return
        this.#standing.push({ stops, isIn: (state) => state.sequence >= sequence })
      }
      return
    }
    const raised = RaisedHalt.safeParse(value)
    // What does not read may have been meant to stop anything; the home refuses it on record.
    this.#stand(raised.success ? [raised.data.request] : EVERYTHING, entry)
    this.#untaken.push({ entry, input: raised.data as Untaken['input'] })
  }

  #stand(stops: readonly Stop[], entry: string): void {
    this.#standing.push({ stops, isIn: (state) => !isLater(entry, state.tenure.taken.halts) })
  }
}

/** Whether what it is answered could let somebody risk more: not without hearing halts. */
export function risks(input: Input): boolean {
  return input.kind === 'redeem' || (input.kind === 'action' && input.request.action.type !== 'cancel')
}
