/** What was set aside for this sidecar: used here alone, also while it is cut off, and told to the home when it is back. */
import { EphorError, type ErrorCode } from '../base/errors.ts'
import { decisionOfPermit, type OpenPermit } from '../engine/permits.ts'
import { redemptionHeld } from '../engine/redeeming.ts'
import type { State } from '../engine/state.ts'
import type { Input } from '../engine/step.ts'
import { TOLD_MAX, type Allotted } from '../protocol/allotment.ts'
import type { AllotmentBook, Mark } from './allotment-book.ts'
import type { Lookout } from './lookout.ts'
import type { Recorder } from './recorder.ts'
import type { Performed } from './sidecar.ts'
import type { SidecarOptions } from './sidecar-options.ts'

/** Inputs that are about what was set aside. */
type Concerned = Input & { readonly kind: 'action' | 'redeem' | 'return' }
type Submit = (input: Input) => Promise<Performed>

/** With these nothing is known of the home, which may be because nothing is known of halts. */
const OUT_OF_REACH: readonly ErrorCode[] = ['CLUSTER_UNREACHABLE', 'HOME_UNKNOWN', 'HOME_LOST', 'HOME_SILENT']

interface AllottingParts {
  readonly book: AllotmentBook
  /** What this sidecar and the partition are called. */
  readonly name: string
  readonly partition: string
  readonly lookout: Pick<Lookout, 'isInTouch' | 'inTouch' | 'assertFree' | 'silentMs'>
  readonly recorder: () => Pick<Recorder, 'state' | 'durable' | 'now'>
  /** The last record that is surely in the log, once all of it was read here. */
  readonly committed: () => number
  /** Told of redemptions that no home has a decision for. */
  readonly lost: (count: number) => void
}

/** That of a sidecar that is one of several and has a book; `undefined` where it has none, and nothing is set aside for it. */
export function allottingOf(
  { allotments: book, membership }: Pick<SidecarOptions, 'allotments' | 'membership'>,
  parts: Pick<AllottingParts, 'lookout' | 'recorder' | 'committed'>,
): Allotting | undefined {
  if (book === undefined || membership === undefined) return undefined
  const { cluster, report } = membership
  const { name, partition } = cluster
  const lost = (count: number): void => report?.({ kind: 'unknownRedemptions', count })
  return new Allotting({ ...parts, book, name, partition, lost })
}

/** One partition's part in it. */
export class Allotting {
  readonly #parts: AllottingParts
  /** What is under way with each decision. */
  readonly #turns = new Map<string, Promise<unknown>>()
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
  async handle(input: Concerned, usual: Submit): Promise<Performed> {
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

  async #redeem(decision: string, input: Input & { kind: 'redeem' }, usual: Submit): Promise<Performed> {
    this.#assertUnmarked(decision, input.permit)
    try {
      return await usual({ ...input, through: await this.#ourselves() })
    } catch (error) {
      if (!(error instanceof EphorError) || !OUT_OF_REACH.includes(error.code)) throw error
      const { lookout } = this.#parts
      const isHeard = await lookout.inTouch().then(
        () => true,
        () => false,
      )
      const permit = isHeard ? undefined : this.#usable(decision, input)
      if (permit === undefined) throw error
      return await this.#redeemHere(decision, input, permit)
    }
  }

  /** It may have got one while the home was waited for. */
  #assertUnmarked(decision: string, permit: string): void {
    if (this.#parts.book.markOf(decision) !== undefined)
      throw new EphorError('PERMIT_SPENT', `\`${permit}\` was redeemed, or given back`)
  }

  /** What is surely set aside for this book, as far as the log had come here; `undefined` where it is not, or is not the agent's. */
  #usable(decision: string, { agent }: Input & { kind: 'redeem' }): OpenPermit | undefined {
    const { recorder, committed } = this.#parts
    const { state, durable } = recorder()
    const permit = this.#own(durable, decision)
    const recorded = durable.memory.byDecision.get(decision)?.sequence ?? Infinity
    // What a home decided and could not bring into the log nobody else has reserved.
    const isCommitted = recorded <= committed() && state.permits.open.has(decision)
    return isCommitted && permit?.agent === agent ? permit : undefined
  }

  #own({ permits }: State, decision: string): OpenPermit | undefined {
    const { book, name } = this.#parts
    const permit = permits.open.get(decision)
    return permit?.allotted?.to === name && book.is(permit.allotted.book) ? permit : undefined
  }

  async #redeemHere(
    decision: string,
    input: Input & { kind: 'redeem' },
    open: OpenPermit,
  ): Promise<Performed> {
    const { permit } = input
    this.#assertUnmarked(decision, permit)
    const at = this.#assertMay(decision, permit, open)
    await this.#parts.book.mark([this.#markOf(decision, 'redeemed', at)])
    // What came while the disk worked.
    this.#assertMay(decision, permit, open)
    if (this.#usable(decision, input) === undefined)
      throw new EphorError('PERMIT_SPENT', `\`${permit}\` was redeemed, or came free`)
    this.#redeemed += 1
    return { kind: 'done', body: { permit, decision, at, cutOff: true } }
  }

  /** Throws where it must not be sent, by all that is known here; else what time it is, by the later of two clocks. */
  #assertMay(decision: string, permit: string, open: OpenPermit): number {
    const { recorder, lookout } = this.#parts
    const { state, durable } = recorder()
    const now = Math.max(recorder().now(), durable.lastAt + Math.ceil(lookout.silentMs))
    // Not a number, or one that never ends: nobody can say how long ago anything was.
    if (!(now < open.expires)) throw new EphorError('PERMIT_SPENT', `\`${permit}\` was not in time`)
    for (const known of [state, durable]) {
      const held = redemptionHeld(known, decision, open, now)
      if (held !== undefined) throw new EphorError(held.code, held.detail)
    }
    lookout.assertFree(decision, open)
    return now
  }

  /** What comes free must not be redeemed here any more, before anybody can hear that it does. */
  async #return(decision: string, input: Input & { kind: 'return' }, usual: Submit): Promise<Performed> {
    const { recorder, book } = this.#parts
    const own = this.#own(recorder().durable, decision)
    const mark = book.markOf(decision)
    if (mark?.what === 'redeemed') throw new EphorError('PERMIT_SPENT', `\`${input.permit}\` was redeemed`)
    const isTheirs = input.gone === undefined ? own?.agent === input.by : own?.allotted?.to === input.gone.to
    if (isTheirs && mark === undefined) await book.mark([this.#markOf(decision, 'unused', recorder().now())])
    return usual({ ...input, through: await this.#ourselves() })
  }

  #markOf(decision: string, what: Mark['what'], at: number): Mark {
    return { decision, partition: this.#parts.partition, what, at }
  }

  /** Tells the home what was redeemed while cut off and what was not in time, where it can be told; resolves when it is through, one way or the other. What could not be told is told with the next call. */
  async tell(submit: Submit): Promise<void> {
    if (this.#isTelling || !this.#parts.lookout.isInTouch) return
    this.#isTelling = true
    try {
      await this.#tell(submit)
    } catch {
      // Nobody waits for it. A disk that failed keeps what is marked where it is, and what is reserved reserved.
    } finally {
      this.#isTelling = false
    }
  }

  async #tell(submit: Submit): Promise<void> {
    const { book, partition, lost } = this.#parts
    const over = this.#over()
    if (over.length > 0) await book.mark(over)
    const due = book.untold(partition).slice(0, TOLD_MAX)
    if (due.length === 0) return
    const of = (what: Mark['what']): readonly Mark[] => due.filter((mark) => mark.what === what)
    const told = await submit({
      kind: 'tell',
      redeemed: of('redeemed').map(({ decision, at }) => ({ decision, at })),
      unused: of('unused').map(({ decision }) => decision),
      through: await this.#ourselves(),
    })
    const unknown = told.kind === 'done' ? told.body.unknown : 0
    if (typeof unknown === 'number' && unknown > 0) lost(unknown)
    await book.forget(due.map(({ decision }) => decision))
  }

  /** What is set aside for this book and is over by this sidecar’s clock. */
  #over(): readonly Mark[] {
    const { book, recorder } = this.#parts
    const { durable } = recorder()
    const { setAside } = durable.permits
    if (setAside.isEmpty()) return []
    const at = recorder().now()
    return [...setAside.keys()].flatMap((decision) => {
      const permit = this.#own(durable, decision)
      const isOver = permit !== undefined && permit.expires <= at && book.markOf(decision) === undefined
      return isOver ? [this.#markOf(decision, 'unused', at)] : []
    })
  }
}
