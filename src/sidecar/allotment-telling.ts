/** Tells the home what became here of what was set aside for this sidecar, and forgets it once nobody could redeem it any more. */
import type { State } from '../engine/state.ts'
import { findOrder } from '../ledger/orders.ts'
import type { Input } from '../engine/step.ts'
import { ALLOTMENTS_MAX, TOLD_MAX, type Allotted } from '../protocol/allotment.ts'
import type { Mark } from './allotment-book.ts'
import type { AllottingParts, Own } from './allotting.ts'
import type { Performed } from './sidecar.ts'

/** Milliseconds after the end of a permit for which its mark is kept. */
const KEPT_MS = 25 * 3_600_000
/** … where no home knows of it: by then nobody brings back what it was set aside by. */
const UNKNOWN_KEPT_MS = 7 * 24 * 3_600_000

interface TellingParts extends Pick<
  AllottingParts,
  'book' | 'name' | 'partition' | 'lookout' | 'recorder' | 'lost'
> {
  readonly ourselves: () => Promise<Allotted>
  /** What is set aside for this book under a decision, by `state`. */
  readonly own: (state: State, decision: string) => Own | undefined
  /** Whether something is under way with a decision. */
  readonly isBusy: (decision: string) => boolean
  readonly markOf: (decision: string, own: Own, what: Mark['what'], at: number) => Mark
}

export class Telling {
  readonly #parts: TellingParts
  /** Under which home each mark was told last, whatever that made of it. */
  readonly #toldTo = new Map<string, string>()
  #isTelling = false

  constructor(parts: TellingParts) {
    this.#parts = parts
  }

  /** Tells what is due where it can be told; resolves when it is through, one way or the other. */
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
    const { book, partition, lost, recorder, name, ourselves, isBusy } = this.#parts
    const { durable } = recorder()
    const { tenure } = durable
    const to = (mark: Mark): string => `${tenure.home} ${tenure.epoch} ${mark.what}`
    const isDue = (mark: Mark): boolean =>
      (mark.told === undefined || isNews(durable, mark)) &&
      this.#toldTo.get(mark.decision) !== to(mark) &&
      !isBusy(mark.decision)
    const due = book.written(partition).filter(isDue).slice(0, TOLD_MAX)
    if (due.length === 0) return
    const of = (what: Mark['what']): readonly Mark[] => due.filter((mark) => mark.what === what)
    const told = await submit({
      kind: 'tell',
      redeemed: of('redeemed').map(({ decision, at, allotted }) =>
        allotted.to === name ? { decision, at } : { decision, at, to: allotted.to },
      ),
      unused: of('unused').map(({ decision }) => decision),
      through: await ourselves(),
    })
    const known = new Set(told.kind === 'done' ? String(told.body.known).split(' ') : [])
    for (const mark of due) this.#toldTo.set(mark.decision, to(mark))
    const missing = due.filter(({ decision }) => !known.has(decision)).length
    if (missing > 0) lost(missing)
    const news = due.filter(({ decision, told: before }) => known.has(decision) && before === undefined)
    const { lastAt } = recorder().durable
    if (news.length > 0) await book.change(news.map((mark) => ({ ...mark, told: lastAt })))
  }

  /** What is set aside for this book and is over by this sidecar’s clock; fewer where the book would have no room for what is redeemed. */
  #over(): readonly Mark[] {
    const { book, recorder, own, isBusy, markOf } = this.#parts
    const { durable } = recorder()
    const { setAside } = durable.permits
    if (setAside.isEmpty()) return []
    const at = recorder().now()
    const over = [...setAside.keys()].flatMap((decision) => {
      const permit = own(durable, decision)
      const isFree = book.markOf(decision) === undefined && !isBusy(decision)
      return permit !== undefined && permit.expires <= at && isFree
        ? [markOf(decision, permit, 'unused', at)]
        : []
    })
    return over.slice(0, Math.max(0, book.room - ALLOTMENTS_MAX))
  }

  /**
   * Forgets what nobody could redeem any more, by the times of the log and by this sidecar’s clock, so that neither does alone what it should not; and of which a home was told so long ago that
   * what it recorded is not lost with the end of the log.
   */
  async #forget(): Promise<void> {
    const { book, partition, recorder } = this.#parts
    const { durable } = recorder()
    const { lastAt } = durable
    const [log, here] = [lastAt - KEPT_MS, recorder().now() - KEPT_MS]
    const past = book
      .written(partition)
      .filter(
        ({ decision, expires, told }) =>
          Math.max(expires, told ?? expires + UNKNOWN_KEPT_MS) <= log &&
          expires <= here &&
          (told !== undefined || this.#toldTo.has(decision)),
      )
      .filter((mark) => !isNews(durable, mark))
      .map(({ decision }) => decision)
    if (past.length === 0) return
    for (const decision of past) this.#toldTo.delete(decision)
    await book.forget(past)
  }
}

/** Whether a home that goes by `state` does not know it, whoever was told of it: what one knew may be lost with the end of the log, and then be written off. */
function isNews({ permits, ledger }: State, { decision, what }: Mark): boolean {
  if (permits.setAside.has(decision)) return true
  return what === 'redeemed' && findOrder(ledger, decision)?.state === 'lapsed'
}
