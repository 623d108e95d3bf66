/** Holds every use of a grant against what the journal says of the grant: a second look, from the records alone. */
import { grantsAfter, countUses, NO_GRANTS, stateOf, supersede, type Grants } from '../ledger/grants.ts'
import type { TimedEvent } from '../protocol/event.ts'
import type { GrantUse } from '../protocol/grant.ts'
import type { Decided } from '../protocol/evidence.ts'
import { isWithin } from './lift.ts'

export class GrantAudit {
  #grants: Grants = NO_GRANTS
  #lastAt = 0
  #constitution: string | undefined

  /** Takes the next record; answers what is wrong with the grants that it uses or approves, `undefined` when nothing is. */
  take({ at: read, event }: TimedEvent): string | undefined {
    const at = Math.max(this.#lastAt, read)
    this.#lastAt = at
    switch (event.type) {
      case 'decided': {
        const problem = this.#problemOf(event)
        this.#grants = countUses(this.#grants, event.decision.grants)
        return problem
      }
      // What waits for a vote names what it will need, and has used nothing.
      case 'proposed':
        return this.#problemOf(event)
      case 'activated':
        this.#constitution = event.constitution
        this.#grants = supersede(this.#grants)
        return undefined
      case 'grantProposed':
      case 'grantRevoked':
      case 'grantApproved': {
        const before = this.#grants.get(event.grant)
        this.#grants = grantsAfter(this.#grants, event, at, this.#constitution)
        return event.type === 'grantApproved' &&
          event.certificate === undefined &&
          before?.proposed.operator === event.by
          ? `\`${event.by}\` approved \`${event.grant}\`, and proposed it`
          : undefined
      }
      default:
        return undefined
    }
  }

  #problemOf(decided: Decided): string | undefined {
    for (const use of decided.decision.grants ?? []) {
      const problem = this.#problemOfUse(use, decided)
      if (problem !== undefined) return `\`${use.grant}\` was used for ${use.rule}, and ${problem}`
    }
    return undefined
  }

  #problemOfUse({ grant: id, rule, upTo }: GrantUse, { decision, evidence }: Decided): string | undefined {
    const grant = this.#grants.get(id)
    if (grant === undefined) return 'no such grant was proposed'
    const { terms, constitution } = grant
    const state = stateOf(grant, decision.at)
    if (state !== 'live') return `it was ${state}`
    if (constitution !== decision.constitution) return 'it is an exception to another constitution'
    if (terms.rule !== rule || terms.upTo !== upTo) return `it is for ${terms.rule} up to ${terms.upTo}`
    const { action, request } = decision
    const [strategy] = evidence.facts['strategy.id'] ?? []
    const names = {
      agent: request.agent,
      account: 'account' in action ? action.account : undefined,
      // A rule need not read the strategy, and then the record does not tell it.
      strategy: typeof strategy === 'string' ? strategy : terms.scope.strategy,
      instrument: 'instrument' in action ? action.instrument : undefined,
    }
    return isWithin(terms.scope, names) ? undefined : 'the action is out of its scope'
  }
}
