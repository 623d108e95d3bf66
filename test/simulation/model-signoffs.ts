/** Sign-offs by the naive model: every word that was said, and what became of it. */
import type { Action } from '../../src/protocol/action.ts'
import type { Effect, Input } from '../../src/engine/step.ts'

const WITHIN = 24 * 3_600_000

export interface Word {
  readonly id: string
  readonly operator: string
  readonly agent: string
  /** What was signed off, to be asked for again. */
  readonly action: Action & { readonly type: 'transfer' }
  readonly until: number
  /** By which decision. */
  usedBy: string | undefined
  takenBack: boolean
  /** Another constitution came into force. */
  outdated: boolean
}

type Transfer = Word['action']

const isSame = (a: Transfer, b: Transfer): boolean =>
  a.account === b.account && a.asset === b.asset && a.amount === b.amount && a.destination === b.destination

export class Words {
  readonly all: Word[] = []
  readonly #isAgent: (name: string) => boolean

  constructor(isAgent: (name: string) => boolean) {
    this.#isAgent = isAgent
  }

  /** What comes of an operator's saying that a transfer may be sent. */
  say({ request, by }: Input & { kind: 'signoff' }, now: number, effect: Effect | undefined): string {
    const { agent, action, until } = request
    if (by === agent || this.#isAgent(by)) return 'SIGNOFF_BY_AGENT'
    if (until <= now || until - now > WITHIN) return 'SIGNOFF_UNTIL'
    const id = effect?.kind === 'done' ? String(effect.body.signoff) : ''
    this.all.push({
      id,
      operator: by,
      agent,
      action,
      until,
      usedBy: undefined,
      takenBack: false,
      outdated: false,
    })
    return 'done'
  }

  takeBack(signoff: string): string {
    const word = this.all.find(({ id }) => id === signoff)
    if (word === undefined) return 'SIGNOFF_UNKNOWN'
    if (word.takenBack) return 'SIGNOFF_ENDED'
    word.takenBack = true
    return 'done'
  }

  /** No word outlives the constitution under which it was said. */
  outdate(): void {
    for (const word of this.all) word.outdated = true
  }

  #standing(agent: string, action: Transfer, now: number): Word[] {
    return this.all
      .filter((word) => word.agent === agent && isSame(word.action, action))
      .filter((word) => word.usedBy === undefined && !word.takenBack && !word.outdated && now < word.until)
  }

  /** Who says that this agent may send just this, agents aside. */
  people(agent: string, action: Transfer, now: number): string[] {
    const people: string[] = []
    for (const { operator } of this.#standing(agent, action, now))
      if (!people.includes(operator) && !this.#isAgent(operator)) people.push(operator)
    return people
  }

  /** What was said is used up by the first verdict that rests on it. */
  use(agent: string, action: Transfer, now: number, decision: string): void {
    for (const word of this.#standing(agent, action, now))
      if (!this.#isAgent(word.operator)) word.usedBy = decision
  }

  /** Whether somebody took back what the decision rests on, or whoever said it is an agent by now. */
  isTakenBack(decision: string): boolean {
    return this.all.some(
      ({ usedBy, takenBack, operator }) => usedBy === decision && (takenBack || this.#isAgent(operator)),
    )
  }

  /** Whether what the decision rests on was said under a constitution that was not in force for a moment since. */
  isOutdated(decision: string): boolean {
    return this.all.some(({ usedBy, outdated }) => usedBy === decision && outdated)
  }
}
