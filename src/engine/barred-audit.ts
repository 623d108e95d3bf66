/** Holds who was asked about an exception, and who used it, against to whom it would come: a second look, from the records alone. */
import { Map } from 'immutable'
import { dealersAfter, deskOf, NO_DEALERS, ownersIn, type Dealings } from '../ledger/dealers.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event, OpenedRound } from '../protocol/event.ts'

export class BarredAudit {
  #agents: Dealings['agents'] = Map()
  #owners: Dealings['owners'] = Map()
  #dealers = NO_DEALERS
  /** By grant: the agents that were asked, and their owners. */
  readonly #asked = new globalThis.Map<string, ReadonlySet<string>>()

  /** Takes the next record; answers who voted on what comes to him, or used what he had a vote on; `undefined` where nobody did. */
  take(event: Event): string | undefined {
    switch (event.type) {
      case 'registered': {
        const { agent, owner, strategies } = event.registration
        this.#agents = this.#agents.set(agent, { owner, strategies })
        return undefined
      }
      case 'owned':
        this.#owners = this.#owners.set(event.account, event.owner)
        return undefined
      case 'asked':
        return event.rounds
          .map((round) => this.#problemOfRound(round))
          .find((problem) => problem !== undefined)
      case 'proposed':
        return this.#problemOfUse(event.decision)
      case 'decided': {
        const problem = this.#problemOfUse(event.decision)
        this.#dealers = dealersAfter(this.#dealers, event.decision)
        return problem
      }
      default:
        return undefined
    }
  }

  get #dealings(): Dealings {
    return { agents: this.#agents, owners: this.#owners, dealers: this.#dealers }
  }

  #problemOfRound({ proposal: { proposal, subject }, roster }: OpenedRound): string | undefined {
    if (subject.kind !== 'grant') return undefined
    const { voters, barred } = roster
    this.#asked.set(subject.grant, new Set(voters.flatMap(({ agent, owner }) => [agent, owner])))
    const owners = ownersIn(subject.terms.scope, this.#dealings)
    const comesTo = (agent: string): boolean => owners.has(deskOf(this.#dealings, agent))
    const voter = voters.find(({ agent }) => comesTo(agent))
    if (voter !== undefined)
      return `\`${voter.agent}\` was asked in \`${proposal}\`, and what is asked would come to it or its owner`
    const other = barred.find((agent) => !comesTo(agent))
    return (
      other && `\`${other}\` was kept from the vote in \`${proposal}\`, and nothing of it would come to it`
    )
  }

  #problemOfUse({ request, grants = [] }: DecisionCore): string | undefined {
    const names = [request.agent, deskOf(this.#dealings, request.agent)]
    const use = grants.find(({ grant }) => names.some((name) => this.#asked.get(grant)?.has(name) === true))
    return use && `\`${use.grant}\` was used by \`${request.agent}\`, which, or whose owner, had a vote on it`
  }
}
