/** Whose orders an agent may cancel: who could cancel everybody's could leave another's position without its stop. */
import type { AgentState, Ledger, OrderState } from './ledger.ts'
import { findOrder } from './orders.ts'
import { isOfOwner } from './owners.ts'

/**
 * Whether the agent may cancel the order that `id` names: its own; one of an agent of the same owner or of a strategy that it is registered with; of its
 * owner's accounts any, where it looks after others or the order's agent serves no more. What is not known anybody may cancel, so that no cancel is lost with
 * what the ledger has forgotten.
 */
export function mayCancel(ledger: Ledger, agent: string, id: string): boolean {
  const order = findOrder(ledger, id)
  if (order === undefined || order.agent === agent) return true
  if (!isOfOwner(ledger, agent, order.account)) return false
  const [who, whose] = [ledger.agents.get(agent), ledger.agents.get(order.agent)]
  if (whose?.retiredAt !== undefined) return true
  // What an agent was registered with says nothing once it is out of service.
  if (who === undefined || who.retiredAt !== undefined) return false
  return looksAfterOthers(who) || isTogether(who, whose, order)
}

/** Those whom a kill switch is for: coordinators, and specialists in risk. */
function looksAfterOthers({ role, field }: AgentState): boolean {
  return role === 'coordinator' || field === 'risk'
}

function isTogether(who: AgentState, whose: AgentState | undefined, { strategy }: OrderState): boolean {
  return (who.owner !== undefined && who.owner === whose?.owner) || who.strategies.includes(strategy)
}
