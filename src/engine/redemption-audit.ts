/**
 * Folds a journal, and asks of each redemption what the home asked: whether the permit was open and its agent's, and whether anything held back what it allows. Only
 * the state says so, since halts, positions, approvals and their ends all count.
 */
import { EphorError } from '../base/errors.ts'
import { VERSION } from '../base/version.ts'
import type { Program } from '../constitution/compile.ts'
import type { Event } from '../protocol/event.ts'
import { unredeemed } from './redeeming.ts'
import { apply, EMPTY_STATE, type State } from './state.ts'

export class RedemptionAudit {
  readonly #programOf: (hash: string) => Program | undefined
  /** Permits by other versions of Ephor, which asked something else. */
  readonly #others = new Set<string>()
  /** `undefined` once a record could not be folded. */
  #state: State | undefined = EMPTY_STATE

  constructor(programOf: (hash: string) => Program | undefined) {
    this.#programOf = programOf
  }

  /** Takes the next record, `at` that time; answers what is wrong with the redemption that it is, `undefined` where nothing is. */
  take(event: Event, at: number): string | undefined {
    if (event.type === 'decided' && event.decision.engine !== VERSION)
      this.#others.add(event.decision.decision)
    const state = this.#state
    if (state === undefined) return undefined
    const problem = event.type === 'redeemed' ? this.#wrongWith(state, event.decision, at) : undefined
    try {
      this.#state = apply(state, { at, event }, this.#programOf)
    } catch (error) {
      if (!(error instanceof EphorError)) throw error
      this.#state = undefined
      return `what follows cannot be folded, and no redemption after it is held against what was known then: ${error.detail}`
    }
    return problem
  }

  #wrongWith(state: State, decision: string, at: number): string | undefined {
    const open = state.permits.open.get(decision)
    if (open === undefined) return `${decision} was redeemed, and no permit for it was open`
    if (this.#others.delete(decision)) return undefined
    const held = unredeemed(state, decision, open, at)
    return held && `${decision} was redeemed, and must not be sent: ${held.code}, ${held.detail}`
  }
}
