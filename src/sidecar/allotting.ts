/** What was set aside for this sidecar: used here alone, each once by what its book says, also while it is cut off; and told to the home. */
import { EphorError, type ErrorCode } from '../base/errors.ts'
import { decisionOfPermit, type OpenPermit } from '../engine/permits.ts'
import { redemptionHeld } from '../engine/redeeming.ts'
import type { State } from '../engine/state.ts'
import type { Input } from '../engine/step.ts'
import { ALLOTMENTS_MAX, TOLD_MAX, type Allotted } from '../protocol/allotment.ts'
import type { AllotmentBook, Mark } from './allotment-book.ts'
import { HomeRefusal } from './home-refusal.ts'
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
type Own = OpenPermit & { readonly allotted: Allotted }

/** With these nothing is known of the home, which may be because Redis cannot be reached. */
const OUT_OF_REACH: readonly ErrorCode[] = ['CLUSTER_UNREACHABLE', 'HOME_UNKNOWN', 'HOME_LOST', 'HOME_SILENT']
/** Milliseconds after the end of a permit for which its mark is kept, by the times of the log. */
const KEPT_MS = 25 * 3_600_000

interface AllottingParts {
  readonly book: AllotmentBook
  /** What this sidecar and the partition are called. */
  readonly name: string
  readonly partition: string
  readonly lookout: Pick<Lookout, 'isInTouch' | 'inTouch' | 'assertFree' | 'silentMs'>
  readonly recorder: () => Pick<Recorder, 'state' | 'durable' | 'now'>
  /** The last record that is surely in the log, once all of it was read here. */
  readonly committed: () => number
  /** Whether Redis cannot be reached now. */
  readonly isCutOff: () => Promise<boolean>
  /** Whether this partition may lack what the first has put in force for all. */
  readonly isBehindFirst: () => boolean
  /** Told of redemptions that no home has a decision for, or not for this book. */
  readonly lost: (count: number) => void
}

/** That of a sidecar that is one of several and has a book; `undefined` where it has none, and nothing is set aside for it. */
export function allottingOf(
  { allotments: book, membership, first }: Pick<SidecarOptions, 'allotments' | 'membership' | 'first'>,
  parts: Pick<AllottingParts, 'lookout' | 'recorder'> & {
    readonly member: Pick<Member, 'committed' | 'isOutOfReach'> & {
      readonly watch: Pick<Member['watch'], 'isDoubtful'>
    }
  },
): Allotting | undefined {
  if (book === undefined || membership === undefined) return undefined
  const { member, recorder } = parts
  const { cluster, report } = membership
  const { name, partition } = cluster
  return new Allotting({
    ...parts,
    book,
    name,
    partition,
    committed: () => member.committed,
    isCutOff: async () => member.isOutOfReach || (await cluster.log.end()).kind === 'unreachable',
    isBehindFirst: () =>
      member.watch.isDoubtful ||
      (first !== undefined && first().state.tenure.fixed > recorder().durable.tenure.followed.sequence),
    lost: (count) => report?.({ kind: 'unknownRedemptions', count }),
  })
}

/** One partition's part in it. */
export class Allotting {
  readonly #parts: AllottingParts
  /** What is under way with each decision. */
  readonly #turns = new Map<string, Promise<unknown>>()
  /** Under which home each mark was told last, whatever that made of it. */
  readonly #toldTo = new Map<string, string>()
  #isTelling = false
  #redeemed = 0

  constructor(parts: AllottingParts) {
    this.#parts = parts
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
    if (input.kind === 'action') return usual({ ...input, through: await this.#ourselves() })
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
        const written = book.mark([made])
        // Not where there was no room for it.
        if (book.markOf(decision) !== undefined) mark = made
        await written
      })
    } catch (error) {
      if (!(error instanceof EphorError)) throw error
      if (!(error instanceof HomeRefusal) && (await this.#isCutOff(error))) {
        const redeemed = await this.#redeemHere(decision, input, mark !== undefined)
        if (redeemed !== undefined) return redeemed
      }
      if (mark === undefined) throw error
      // Only where the home itself said no it is surely not redeemed. Else it may be, and counts as that.
      if (error instanceof HomeRefusal) await book.change([{ ...mark, what: 'unused' }])
      throw new EphorError(
        error.code,
        `${error.detail}; \`${permit}\` is spent by it: ask again with a new id`,
        { cause: error },
      )
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
    const { recorder, committed } = this.#parts
    const { state, durable } = recorder()
    const permit = this.#own(durable, decision)
    const recorded = durable.memory.byDecision.get(decision)?.sequence ?? Infinity
    // What a home decided and could not bring into the log nobody else has reserved.
    const isCommitted = recorded <= committed() && state.permits.open.has(decision)
    return isCommitted && permit?.agent === agent ? permit : undefined
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
      await this.#parts.book.mark([mark])
      try {
        // What came while the disk worked.
        this.#assertMayCutOff(decision, permit, open)
      } catch (error) {
        // No home was asked and nobody is told that it may be sent: it is spent, and comes free.
        await this.#parts.book.change([{ ...mark, what: 'unused' }])
        throw error
      }
    }
    if (this.#usable(decision, input) === undefined)
      throw new EphorError('PERMIT_SPENT', `\`${permit}\` was redeemed, or came free`)
    this.#redeemed += 1
    return { kind: 'done', body: { permit, decision, at, cutOff: true } }
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
    const { recorder, lookout } = this.#parts
    const { state, durable } = recorder()
    const now = Math.max(recorder().now(), durable.lastAt + Math.ceil(lookout.silentMs))
    // Not a number, or one that never ends: nobody can say how long ago anything was.
    if (!(now < open.expires)) throw new EphorError('PERMIT_SPENT', `\`${permit}\` was not in time`)
    for (const known of [state, durable]) {
      // Positions are as certain as they were when the last record came.
      const held = redemptionHeld(known, decision, open, now, known.lastAt)
      if (held !== undefined) throw new EphorError(held.code, held.detail)
    }
    lookout.assertFree(decision, open)
    return now
  }

  /** What comes free must not be redeemed here any more, before anybody can hear that it does. */
  async #return(decision: string, input: Input & { kind: 'return' }, usual: Usual): Promise<Performed> {
    const { recorder, book, partition } = this.#parts
    const own = this.#own(recorder().durable, decision)
    const mark = book.markOf(decision)
    if (mark?.what === 'redeemed') throw new EphorError('PERMIT_SPENT', `\`${input.permit}\` was redeemed`)
    const isTheirs = input.gone === undefined ? own?.agent === input.by : own?.allotted.to === input.gone.to
    if (own !== undefined && isTheirs) {
      if (mark === undefined) await book.mark([this.#markOf(decision, own, 'unused', recorder().now())])
      else if (!book.written(partition).some((written) => written.decision === decision))
        throw new EphorError('JOURNAL_FAILED', `that \`${input.permit}\` is not used may not be on the disk`)
    }
    return usual({ ...input, through: await this.#ourselves() })
  }

  #markOf(decision: string, { allotted, expires }: Own, what: Mark['what'], at: number): Mark {
    return { decision, partition: this.#parts.partition, what, at, allotted, expires }
  }

  /** Tells the home what was redeemed and what was not in time, where it can be told; resolves when it is through, one way or the other. What could not be told is told with the next call. */
  async tell(submit: (input: Input) => Promise<Performed>): Promise<void> {
    if (this.#isTelling || !this.#parts.lookout.isInTouch) return
    this.#isTelling = true
    try {
      // What is marked already first: that there is no room for more keeps nobody from hearing of it.
      await this.#tell(submit)
      const over = this.#over()
      if (over.length > 0) {
        await this.#parts.book.mark(over)
        await this.#tell(submit)
      }
      await this.#forget()
    } catch {
      // Nobody waits for it. A disk that failed keeps what is marked where it is, and what is reserved reserved.
    } finally {
      this.#isTelling = false
    }
  }

  async #tell(submit: (input: Input) => Promise<Performed>): Promise<void> {
    const { book, partition, lost, recorder, name } = this.#parts
    const { permits, tenure } = recorder().durable
    const to = (mark: Mark): string => `${tenure.home} ${tenure.epoch} ${mark.what}`
    const isDue = (mark: Mark): boolean =>
      // What a home knew may be lost with the end of the log: then it is told again.
      (mark.told !== true || permits.setAside.has(mark.decision)) &&
      this.#toldTo.get(mark.decision) !== to(mark) &&
      !this.#turns.has(mark.decision)
    const due = book.written(partition).filter(isDue).slice(0, TOLD_MAX)
    if (due.length === 0) return
    const of = (what: Mark['what']): readonly Mark[] => due.filter((mark) => mark.what === what)
    const told = await submit({
      kind: 'tell',
      redeemed: of('redeemed').map(({ decision, at, allotted }) =>
        allotted.to === name ? { decision, at } : { decision, at, to: allotted.to },
      ),
      unused: of('unused').map(({ decision }) => decision),
      through: await this.#ourselves(),
    })
    const known = new Set(told.kind === 'done' ? String(told.body.known).split(' ') : [])
    for (const mark of due) this.#toldTo.set(mark.decision, to(mark))
    const missing = of('redeemed').filter(({ decision }) => !known.has(decision)).length
    if (missing > 0) lost(missing)
    const news = due.filter(({ decision, told: before }) => known.has(decision) && before !== true)
    if (news.length > 0) await book.change(news.map((mark) => ({ ...mark, told: true as const })))
  }

  /** What is set aside for this book and is over by this sidecar’s clock; fewer where the book would have no room for what is redeemed. */
  #over(): readonly Mark[] {
    const { book, recorder } = this.#parts
    const { durable } = recorder()
    const { setAside } = durable.permits
    if (setAside.isEmpty()) return []
    const at = recorder().now()
    const over = [...setAside.keys()].flatMap((decision) => {
      const permit = this.#own(durable, decision)
      const isFree = book.markOf(decision) === undefined && !this.#turns.has(decision)
      return permit !== undefined && permit.expires <= at && isFree
        ? [this.#markOf(decision, permit, 'unused', at)]
        : []
    })
    return over.slice(0, Math.max(0, book.room - ALLOTMENTS_MAX))
  }

  /** Forgets what nobody could redeem any more, by the times of the log, whatever becomes of any clock, and what a home was told of. */
  async #forget(): Promise<void> {
    const { book, partition, recorder } = this.#parts
    const { lastAt, permits } = recorder().durable
    const past = book
      .written(partition)
      .filter(
        ({ decision, expires, told }) =>
          expires + KEPT_MS <= lastAt &&
          (told === true || this.#toldTo.has(decision)) &&
          !permits.setAside.has(decision),
      )
      .map(({ decision }) => decision)
    if (past.length === 0) return
    for (const decision of past) this.#toldTo.delete(decision)
    await book.forget(past)
  }
}
