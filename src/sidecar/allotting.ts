/** What was set aside for this sidecar: used here alone, each once by what its book says, also while it is cut off; and told to the home. */
import { EphorError, type ErrorCode } from '../base/errors.ts'
import { decisionOfPermit, type OpenPermit } from '../engine/permits.ts'
import { haltedByHeard, redemptionHeld } from '../engine/redeeming.ts'
import type { State } from '../engine/state.ts'
import type { Halt } from '../ledger/ledger.ts'
import type { Input } from '../engine/step.ts'
import { ALLOTMENTS_MAX, MARKS_PER_AGENT_MAX, type Allotted } from '../protocol/allotment.ts'
import type { AllotmentBook, Mark } from './allotment-book.ts'
import { Telling } from './allotment-telling.ts'
import { HomeRefusal, NotAsked } from './home-refusal.ts'
import type { Lookout } from './lookout.ts'
import type { Member } from './member.ts'
import type { Recorder } from './recorder.ts'
import type { Performed } from './sidecar.ts'
import type { SidecarOptions } from './sidecar-options.ts'

/** Inputs that are about what was set aside. */
type Concerned = Input & { readonly kind: 'action' | 'redeem' | 'return' }
/** The way of all inputs; `before` is waited for once the home can be asked, and before it is. */
export type Usual = (input: Input, before?: () => Promise<void>) => Promise<Performed>
/** What is set aside for this sidecar. */
export type Own = OpenPermit & { readonly allotted: Allotted }

/** With these nothing is known of the home, which may be because Redis cannot be reached. */
const OUT_OF_REACH: readonly ErrorCode[] = ['CLUSTER_UNREACHABLE', 'HOME_UNKNOWN', 'HOME_LOST', 'HOME_SILENT']

export interface AllottingParts {
  readonly book: AllotmentBook
  /** What this sidecar and the partition are called. */
  readonly name: string
  readonly partition: string
  readonly lookout: Pick<Lookout, 'isInTouch' | 'inTouch' | 'assertFree' | 'silentMs'>
  readonly recorder: () => Pick<Recorder, 'state' | 'durable' | 'now'>
  /** Whether this journal, which another is home in, is what the log held when it was looked at last. */
  readonly isAbreast: () => boolean
  /** Whether Redis cannot be reached now. */
  readonly isCutOff: () => Promise<boolean>
  /** Whether this partition may lack what the first has put in force for all. */
  readonly isBehindFirst: () => boolean
  /** What is in force in the other partitions, as far as this process knows. */
  readonly halts: () => readonly Pick<Halt, 'scope' | 'state'>[]
  /** Told of marks that a home has otherwise on record: redeemed and unknown there or not of this book; not used and redeemed there. */
  readonly lost: (count: number) => void
}

/** That of a sidecar that is one of several and has a book; `undefined` where it has none, and nothing is set aside for it. */
export function allottingOf(
  { allotments: book, membership, cores }: Pick<SidecarOptions, 'allotments' | 'membership' | 'cores'>,
  parts: Pick<AllottingParts, 'lookout' | 'recorder'> & {
    readonly member: Pick<Member, 'isAbreast'> & {
      readonly watch: Pick<Member['watch'], 'isDoubtful'>
    }
  },
): Allotting | undefined {
  if (book === undefined || membership === undefined) return undefined
  const { member, recorder } = parts
  const { cluster, report } = membership
  const { name, partition, place } = cluster
  const all = cores ?? (() => [])
  return new Allotting({
    ...parts,
    book,
    name,
    partition,
    isAbreast: () => member.isAbreast(parts.lookout.silentMs),
    isCutOff: async () => (await cluster.log.end()).kind === 'unreachable',
    isBehindFirst: () => {
      const [first] = place.number === 0 ? [] : all()
      const isBehind = first && first.state.tenure.fixed > recorder().durable.tenure.followed.sequence
      return member.watch.isDoubtful || isBehind === true
    },
    halts: () =>
      all().flatMap(({ state, durableState, stops }) => [
        ...stops,
        ...[state, durableState].flatMap(({ ledger }) => [...ledger.halts.values()]),
      ]),
    lost: (count) => report?.({ kind: 'unknownRedemptions', count }),
  })
}

/** One partition's part in it. */
export class Allotting {
  readonly #parts: AllottingParts
  /** What is under way with each decision. */
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #telling: Telling
  #redeemed = 0

  constructor(parts: AllottingParts) {
    this.#parts = parts
    this.#telling = new Telling({
      ...parts,
      ourselves: () => this.#ourselves(),
      own: (state, decision) => this.#own(state, decision),
      isBusy: (decision) => this.#turns.has(decision),
      markOf: (...of) => this.#markOf(...of),
    })
  }

  /** Tells the home what was redeemed and what was not in time, where it can be told; resolves when it is through, one way or the other. What could not be told is told with the next call. */
  tell(submit: (input: Input) => Promise<Performed>): Promise<void> {
    return this.#telling.tell(submit)
  }

  /** How many were redeemed here while cut off, since the start. */
  get redeemedCutOff(): number {
    return this.#redeemed
  }

  /** Whether `input` is about what is, or is to be, set aside. */
  concerns(input: Input): input is Concerned {
    switch (input.kind) {
      case 'action':
        return input.request.allot !== undefined
      case 'return':
        return true
      case 'redeem': {
        const decision = decisionOfPermit(input.permit) ?? ''
        const { state, durable } = this.#parts.recorder()
        return (
          state.permits.setAside.has(decision) ||
          durable.permits.setAside.has(decision) ||
          this.#parts.book.markOf(decision) !== undefined
        )
      }
      default:
        return false
    }
  }

  /** Handles it; `usual` is the way of all inputs. */
  async handle(input: Concerned, usual: Usual): Promise<Performed> {
    if (input.kind === 'action') {
      const { agent } = input.request
      // What is set aside takes a mark in the end, whatever becomes of it.
      this.#assertRoom(agent, ALLOTMENTS_MAX, this.#openOf(agent))
      return usual({ ...input, through: await this.#ourselves() })
    }
    const decision = decisionOfPermit(input.permit) ?? ''
    return this.#inTurn(decision, () =>
      input.kind === 'return' ? this.#return(decision, input, usual) : this.#redeem(decision, input, usual),
    )
  }

  async #ourselves(): Promise<Allotted> {
    const { book, name } = this.#parts
    return { to: name, book: await book.id() }
  }

  /** One after another, so that no two answers can both say that it was redeemed. */
  async #inTurn<T>(decision: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(decision)
    const turn = Promise.resolve(before).then(work)
    const ended = turn.catch(() => undefined)
    this.#turns.set(decision, ended)
    try {
      return await turn
    } finally {
      if (this.#turns.get(decision) === ended) this.#turns.delete(decision)
    }
  }

  /**
   * The book is the one authority on whether it was redeemed: its mark is on the disk before a home is asked. What a home has on record can be lost with the end of the log; the mark is not.
   */
  async #redeem(decision: string, input: Input & { kind: 'redeem' }, usual: Usual): Promise<Performed> {
    const { book } = this.#parts
    const { permit } = input
    this.#assertUnmarked(decision, permit)
    const own = this.#own(this.#parts.recorder().durable, decision)
    // Another's, or nobody's: the home says so.
    if (own?.agent !== input.agent) return usual(input)
    let mark: Mark | undefined
    try {
      return await usual({ ...input, through: own.allotted }, async () => {
        this.#assertUnmarked(decision, permit)
        // What is known here to hold it back spends nothing.
        const made = this.#markOf(decision, own, 'redeemed', this.#assertMay(decision, permit, own))
        this.#assertRoom(own.agent)
        const written = book.mark([made])
        // Not where there was no room for it.
        if (book.markOf(decision) !== undefined) mark = made
        await written
      })
    } catch (error) {
      if (!(error instanceof EphorError)) throw error
      const [redeemed, why] = await this.#redeemInstead(decision, input, mark !== undefined, error)
      if (redeemed !== undefined) return redeemed
      if (mark === undefined) throw why
      // Only where a home said no, or none was asked, it is surely not redeemed. Else it may be, and counts as that.
      const isSure = error instanceof HomeRefusal || error instanceof NotAsked
      if (isSure) await book.change([{ ...mark, what: 'unused' }])
      throw new EphorError(why.code, `${why.detail}; \`${permit}\` is spent by it: ask again with a new id`, {
        cause: why,
      })
    }
  }

  /** Redeems by the book alone what a home did not answer for `error`, where it may be; else says why it is not redeemed. */
  async #redeemInstead(
    decision: string,
    input: Input & { kind: 'redeem' },
    isMarked: boolean,
    error: EphorError,
  ): Promise<readonly [Performed | undefined, EphorError]> {
    if (error instanceof HomeRefusal || !(await this.#isCutOff(error))) return [undefined, error]
    try {
      return [await this.#redeemHere(decision, input, isMarked), error]
    } catch (held) {
      if (held instanceof EphorError) return [undefined, held]
      throw held
    }
  }

  /** Whether the home was not reached because Redis cannot be, and no halt is heard either. */
  async #isCutOff({ code }: EphorError): Promise<boolean> {
    const { lookout, isCutOff } = this.#parts
    if (!OUT_OF_REACH.includes(code) || !(await isCutOff())) return false
    return lookout.inTouch().then(
      () => false,
      () => true,
    )
  }

  #assertUnmarked(decision: string, permit: string): void {
    if (this.#parts.book.markOf(decision) !== undefined)
      throw new EphorError('PERMIT_SPENT', `\`${permit}\` was redeemed, or given back`)
  }

  /** What is surely set aside for this book, as far as the log had come here; `undefined` where it is not, or is not the agent's. */
  #usable(decision: string, { agent }: Input & { kind: 'redeem' }): Own | undefined {
    const { recorder, isAbreast } = this.#parts
    const { state, durable } = recorder()
    const permit = this.#own(durable, decision)
    // A home has recorded more than the log has, and nobody else knows which of it: what was set aside there, or that a halt was lifted.
    const isSure = isAbreast() && state.permits.open.has(decision)
    return isSure && permit?.agent === agent ? permit : undefined
  }

  #own({ permits }: State, decision: string): Own | undefined {
    const { book, name } = this.#parts
    const permit = permits.open.get(decision)
    const { allotted } = permit ?? {}
    return permit !== undefined && allotted?.to === name && book.is(allotted.book)
      ? { ...permit, allotted }
      : undefined
  }

  /** Redeems it by the book alone, where it `isMarked` already or can be; `undefined` where it is not surely set aside. */
  async #redeemHere(
    decision: string,
    input: Input & { kind: 'redeem' },
    isMarked: boolean,
  ): Promise<Performed | undefined> {
    const { permit } = input
    const open = this.#usable(decision, input)
    if (open === undefined) return undefined
    const at = this.#assertMayCutOff(decision, permit, open)
    if (!isMarked) {
      this.#assertUnmarked(decision, permit)
      const mark = this.#markOf(decision, open, 'redeemed', at)
      this.#assertRoom(open.agent)
      await this.#parts.book.mark([mark])
      try {
        // What came while the disk worked.
        this.#assertMayCutOff(decision, permit, open)
        this.#assertUsable(decision, input)
      } catch (error) {
        // No home was asked and nobody is told that it may be sent: it is spent, and comes free.
        await this.#parts.book.change([{ ...mark, what: 'unused' }])
        throw error
      }
    }
    // Where a home was asked, one that has it may have said yes, and it counts as that.
    this.#assertUsable(decision, input)
    this.#redeemed += 1
    return { kind: 'done', body: { permit, decision, at, cutOff: true } }
  }

  #assertUsable(decision: string, input: Input & { kind: 'redeem' }): void {
    if (this.#usable(decision, input) === undefined)
      throw new EphorError('PERMIT_SPENT', `\`${input.permit}\` was redeemed, or came free`)
  }

  #assertMayCutOff(decision: string, permit: string, open: OpenPermit): number {
    if (this.#parts.isBehindFirst())
      throw new EphorError(
        'HOME_UNKNOWN',
        'this partition may not have followed all that the first has put in force, and cannot while it is cut off',
      )
    return this.#assertMay(decision, permit, open)
  }

  /** Throws where it must not be sent, by all that is known here; else what time it is, by the later of two clocks. */
  #assertMay(decision: string, permit: string, open: OpenPermit): number {
    const { recorder, lookout, halts } = this.#parts
    const { state, durable } = recorder()
    const now = Math.max(recorder().now(), durable.lastAt + Math.ceil(lookout.silentMs))
    // Not a number, or one that never ends: nobody can say how long ago anything was.
    if (!(now < open.expires)) throw new EphorError('PERMIT_SPENT', `\`${permit}\` was not in time`)
    for (const known of [state, durable]) {
      // Positions are as certain as they were when the last record came.
      const permitThere = known.permits.open.get(decision) ?? open
      const held =
        redemptionHeld(known, decision, permitThere, now, known.lastAt) ??
        // Of all partitions it may be on its way here, and not arrive any more.
        haltedByHeard(known, decision, permitThere, halts())
      if (held !== undefined) throw new EphorError(held.code, held.detail)
    }
    lookout.assertFree(decision, open)
    return now
  }

  /** How many of an agent are set aside for this book and have no mark. */
  #openOf(agent: string): number {
    const { book, recorder } = this.#parts
    const { durable } = recorder()
    return durable.permits.setAside.count(
      (of, decision) =>
        of === agent && book.markOf(decision) === undefined && this.#own(durable, decision) !== undefined,
    )
  }

  /** Throws where one agent would take the room that others need with `more` marks and another, or where fewer than `left` would be left for what is redeemed. */
  #assertRoom(agent: string, left = 0, more = 0): void {
    const { book } = this.#parts
    if (book.room <= left || book.of(agent) + more >= MARKS_PER_AGENT_MAX)
      throw new EphorError(
        'LIMIT_REACHED',
        `marks are kept until a day after the end of their permits: ${book.of(agent)} of \`${agent}\`, and there is room for ${book.room}`,
      )
  }

  /** What comes free must not be redeemed here any more, before anybody can hear that it does. */
  async #return(decision: string, input: Input & { kind: 'return' }, usual: Usual): Promise<Performed> {
    const { recorder, book, partition, name } = this.#parts
    const own = this.#own(recorder().durable, decision)
    const mark = book.markOf(decision)
    if (mark?.what === 'redeemed') throw new EphorError('PERMIT_SPENT', `\`${input.permit}\` was redeemed`)
    const isTheirs = input.gone === undefined ? own?.agent === input.by : own?.allotted.to === input.gone.to
    const isMeant = input.gone === undefined || input.gone.to === name
    // INVARIANT: no home frees what is for this book and has no mark in it. What was not read here yet could be redeemed once it is, before it is read that it is free.
    if (isMeant && mark === undefined && !recorder().durable.permits.open.has(decision))
      throw new EphorError(
        'ALLOTMENT_UNKNOWN',
        `nothing that is set aside under \`${input.permit}\` was read here: where it was set aside a moment ago, ask again`,
      )
    if (own !== undefined && isTheirs) {
      if (mark === undefined) {
        this.#assertRoom(own.agent, ALLOTMENTS_MAX)
        await book.mark([this.#markOf(decision, own, 'unused', recorder().now())])
      } else if (!book.written(partition).some((written) => written.decision === decision))
        throw new EphorError('JOURNAL_FAILED', `that \`${input.permit}\` is not used may not be on the disk`)
    }
    return usual({ ...input, through: await this.#ourselves() })
  }

  #markOf(decision: string, { agent, allotted, expires }: Own, what: Mark['what'], at: number): Mark {
    return { decision, agent, partition: this.#parts.partition, what, at, allotted, expires }
  }
}
