/**
 * Folds a journal, and asks of what makes, ends and spends a permit what the home asked: whether an id was decided before, whether a permit that lapsed was over,
 * and of each redemption whether the permit was open and its agent's, and whether anything held back what it allows. Only the state says so, since halts,
 * positions, approvals and their ends all count.
 */
import { EphorError } from '../base/errors.ts'
import { VERSION } from '../base/version.ts'
import type { Program } from '../constitution/compile.ts'
import { findOrder } from '../ledger/orders.ts'
import type { Event } from '../protocol/event.ts'
import { recall } from './memory.ts'
import { unredeemed } from './redeeming.ts'
import { apply, EMPTY_STATE, type State } from './state.ts'

export class RedemptionAudit {
  readonly #programOf: (hash: string) => Program | undefined
  /** Permits by other versions of Ephor, which asked something else. */
  readonly #others = new Set<string>()
  /** Replacements whose permits ended with the lapse before, of what they were to replace, and when they are over: they may lapse in the same breath. */
  readonly #voided = new Map<string, number>()
  /** `undefined` once a record could not be folded. */
  #state: State | undefined = EMPTY_STATE

  constructor(programOf: (hash: string) => Program | undefined) {
    this.#programOf = programOf
  }

  /** Takes the next record, `at` that reading of the clock; answers what is wrong with the verdict, lapse or redemption that it is, `undefined` where nothing is. */
  take(event: Event, at: number): string | undefined {
    if (event.type === 'decided' && event.decision.engine !== VERSION)
      this.#others.add(event.decision.decision)
    const state = this.#state
    if (state === undefined) return undefined
    const problem = this.#problemOf(state, event, at)
    try {
      this.#state = apply(state, { at, event }, this.#programOf)
    } catch (error) {
      if (!(error instanceof EphorError)) throw error
      this.#state = undefined
      return `what follows cannot be folded, and no redemption after it is held against what was known then: ${error.detail}`
    }
    return problem
  }

  #problemOf(state: State, event: Event, at: number): string | undefined {
    if (event.type !== 'lapsed') this.#voided.clear()
    switch (event.type) {
      case 'decided':
      case 'proposed':
        return misdecided(state, event, at)
      case 'lapsed':
        return this.#mislapsed(state, event.decision, at)
      case 'redeemed':
        return this.#misredeemed(state, event.decision, at)
      default:
        return undefined
    }
  }

  /** Why no permit could lapse then. By what the clock said: where it had gone back, what was over by the last record is not. */
  #mislapsed({ permits, ledger }: State, decision: string, read: number): string | undefined {
    const expires = permits.open.get(decision)?.expires ?? this.#voided.get(decision)
    this.#voided.delete(decision)
    if (expires === undefined) return `${decision} lapsed, and no permit for it was open`
    for (const { id } of findOrder(ledger, decision)?.pending ?? []) {
      const pending = permits.open.get(id)
      if (pending !== undefined) this.#voided.set(id, pending.expires)
    }
    return expires <= read ? undefined : `${decision} lapsed at ${read}, and was not over until ${expires}`
  }

  #misredeemed(state: State, decision: string, at: number): string | undefined {
    const open = state.permits.open.get(decision)
    if (open === undefined) return `${decision} was redeemed, and no permit for it was open`
    if (this.#others.delete(decision)) return undefined
    const held = unredeemed(state, decision, open, at)
    return held && `${decision} was redeemed, and must not be sent: ${held.code}, ${held.detail}`
  }
}

/** Why no verdict could be given, or waited for, then. */
function misdecided(
  { memory, quorum, lastAt, program }: State,
  { type, decision }: Extract<Event, { type: 'decided' | 'proposed' }>,
  read: number,
): string | undefined {
  const { decision: id, request, at } = decision
  // The record tells what the clock said. Where that had gone back, cancels and ends of votes are decided as of the last record, and nothing else is.
  const now = Math.max(lastAt, read)
  if (at !== now) return `it is recorded as of ${at}, and ${now} comes out`
  if (decision.constitution !== program?.constitution.hash)
    return `it was judged by ${decision.constitution}, which was not in force`
  const waiting = type === 'decided' ? quorum.waiting.get(id) : undefined
  if (waiting !== undefined)
    return waiting.digest === decision.digest ? undefined : 'another action was put to the vote under its id'
  // How much can be remembered is a bound of the version that decided.
  const recalled = recall(memory, request, now, Number.POSITIVE_INFINITY, id)
  if (recalled.kind === 'new') return undefined
  return recalled.kind === 'answered' ? 'its id was decided before' : `${recalled.code}, ${recalled.detail}`
}
