/** Who deals on which account, and to whom an exception would come: by what was allowed, and by what operators registered. */
import { Map } from 'immutable'
import type { DecisionCore } from '../protocol/decision.ts'
import type { GrantScope } from '../protocol/grant.ts'

/** By account: the agents that were ever allowed an action on it, cancels aside. As many as operators register or give a token. */
export type Dealers = Map<string, Map<string, true>>

export const NO_DEALERS: Dealers = Map()
const NO_NAMES: Map<string, true> = Map()

/** The dealers after a verdict. */
export function dealersAfter(dealers: Dealers, { verdict, action, request }: DecisionCore): Dealers {
  if (verdict !== 'allow' && verdict !== 'narrow') return dealers
  if (action.type === 'cancel' || action.type === 'change') return dealers
  const { account } = action
  const before = dealers.get(account) ?? NO_NAMES
  return before.has(request.agent) ? dealers : dealers.set(account, before.set(request.agent, true))
}

/** What it takes to tell to whom an exception would come. */
export interface Dealings {
  /** By name, as registered last. An agent that names no owner is its own. */
  readonly agents: Map<string, { readonly owner: string | undefined; readonly strategies: readonly string[] }>
  /** By account, where operators said whose it is. */
  readonly owners: Map<string, string>
  readonly dealers: Dealers
}

/** The owner that an agent votes under. */
export function deskOf({ agents }: Pick<Dealings, 'agents'>, agent: string): string {
  return agents.get(agent)?.owner ?? agent
}

/**
 * The owners to whom an exception of this scope would come, as far as anything tells before it is used. The narrowest name decides: the agent; else the
 * agents registered with the strategy; else the account's owner and the agents that deal on it; else, of an instrument alone, all that deal at all.
 */
export function ownersIn(scope: GrantScope, dealings: Dealings): ReadonlySet<string> {
  const { agents, owners, dealers } = dealings
  const { agent, strategy, account } = scope
  const named = (): Iterable<string> => {
    if (agent !== undefined) return [agent]
    if (strategy !== undefined)
      return agents
        .filter((one, name) => one.strategies.includes(strategy) || strategy === `agent:${name}`)
        .keys()
    const on = account === undefined ? dealers.valueSeq() : [dealers.get(account) ?? NO_NAMES]
    return Array.from(on, (names) => [...names.keys()]).flat()
  }
  const found = new Set(Array.from(named(), (name) => deskOf(dealings, name)))
  const owner = agent === undefined && account !== undefined ? owners.get(account) : undefined
  return owner === undefined ? found : found.add(owner)
}
