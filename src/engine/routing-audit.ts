/** Routes every proposal again that was routed, from the facts that its record says its routes read: a second look, from the records alone. */
import { canonicalJson } from '../base/canonical-json.ts'
import { digestOf } from '../base/hash.ts'
import type { Read } from '../constitution/model.ts'
import { actionFacts } from '../ledger/measure.ts'
import type { Event, OpenedRound } from '../protocol/event.ts'
import { decisionOf } from '../protocol/evidence.ts'
import type { Routing } from '../protocol/routing.ts'
import { routingOf, type RoutingInForce } from './routing.ts'
import type { ProgramOf } from './state.ts'

type Proposed = Extract<Event, { type: 'proposed' }>

export class RoutingAudit {
  readonly #programOf: ProgramOf
  #routing: RoutingInForce | undefined

  constructor(programOf: ProgramOf) {
    this.#programOf = programOf
  }

  /** Takes the next record; answers what is wrong with how it was routed, `undefined` when nothing is. */
  take(event: Event): string | undefined {
    if (event.type === 'routed') {
      const { hash, content } = event
      this.#routing = { hash, content }
      return hash === digestOf(content) ? undefined : 'the hash is not that of the routes'
    }
    if (event.type === 'asked') {
      const round = event.rounds.find(({ proposal }) => proposal.routing !== undefined)
      return round && `\`${round.proposal.proposal}\` was routed, and only actions are`
    }
    if (event.type !== 'proposed') return undefined
    for (const round of event.rounds) {
      const { routing, proposal } = round.proposal
      const problem = routing && this.#problemOf(routing, round, event)
      if (problem !== undefined) return `\`${proposal}\` was routed, and ${problem}`
    }
    return undefined
  }

  #problemOf(routing: Routing, { policy }: OpenedRound, event: Proposed): string | undefined {
    const { action, request, constitution, at } = event.decision
    const program = this.#programOf(constitution)
    if (program === undefined) return `the text of constitution ${constitution} is not kept`
    const other = contradiction(routing.facts, event)
    if (other !== undefined) return other
    const said = actionFacts(request.agent, action)
    const read: Read = (name) => {
      const value = said(name) ?? routing.facts[name]
      return value === undefined || value === null ? undefined : { value, at: undefined, source: 'record' }
    }
    const derived = routingOf(this.#routing, program, policy, action.type, read, at)
    if (derived === undefined) return 'all should have been asked'
    return canonicalJson(derived) === canonicalJson(routing) ? undefined : 'it comes out differently'
  }
}

/** A fact that the routes read otherwise than the rules, at the same moment. */
function contradiction(facts: Routing['facts'], event: Proposed): string | undefined {
  const judged = decisionOf(event).facts
  const name = Object.keys(facts).find((one) => judged[one] !== undefined && judged[one].value !== facts[one])
  return (
    name &&
    `\`${name}\` is recorded as ${String(facts[name])}, and the rules read ${String(judged[name]?.value)}`
  )
}
