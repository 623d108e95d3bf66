/** Holds the number of people who signed off a transfer, as its verdict read it, against the journal: a second look, from the records alone. */
import { approversOf, NO_SIGNOFFS, signoffsFor, supersedeSignoffs, useSignoffs } from '../ledger/signoffs.ts'
import type { TimedEvent } from '../protocol/event.ts'
import type { Decided } from '../protocol/evidence.ts'
import { signoffsAfter } from './state.ts'

export class SignoffAudit {
  #signoffs = NO_SIGNOFFS
  #lastAt = 0
  #constitution: string | undefined
  readonly #agents = new Set<string>()

  /** Takes the next record; answers what is wrong with the sign-offs that a verdict counted, `undefined` when nothing is. */
  take({ at: read, event }: TimedEvent): string | undefined {
    const at = Math.max(this.#lastAt, read)
    this.#lastAt = at
    switch (event.type) {
      case 'registered':
        this.#agents.add(event.registration.agent)
        return undefined
      case 'activated':
        this.#constitution = event.constitution
        this.#signoffs = supersedeSignoffs(this.#signoffs)
        return undefined
      case 'signedOff':
      case 'signoffRevoked':
        this.#signoffs = signoffsAfter(this.#signoffs, event, at, this.#constitution)
        return undefined
      case 'decided': {
        const problem = this.#problemOf(event, at)
        const { decision, request, action, verdict } = event.decision
        if (verdict === 'allow')
          this.#signoffs = useSignoffs(
            this.#signoffs,
            { agent: request.agent, action, decision, at },
            (name) => this.#agents.has(name),
          )
        return problem
      }
      default:
        return undefined
    }
  }

  #problemOf({ decision: { request, action }, evidence }: Decided, at: number): string | undefined {
    const [said] = evidence.facts['transfer.approvers'] ?? []
    if (action.type !== 'transfer' || typeof said !== 'number') return undefined
    const live = signoffsFor(this.#signoffs, request.agent, action, at)
    const found = approversOf(live, (name) => this.#agents.has(name))
    return found === said ? undefined : `${said} signed it off by its record, and ${found} by the journal`
  }
}
