/** Whose accounts, agents and strategies are: what one action touches belongs to one owner, so that limits of an owner are exact wherever it is decided. */
import { DEFAULT_OWNER } from '../protocol/account.ts'
import type { AgentRegistration } from '../protocol/agent.ts'
import type { Ledger } from './ledger.ts'
import { partitionOf } from '../protocol/partition.ts'
import type { Subject } from './subject.ts'

/**
 * From the first account that is registered on, it matters whose things are. Before, all is the default owner's, and an agent's owner only bounds its votes.
 * Where there are several partitions it matters from the start.
 */
export function areOwnersKept({ owners, partition }: Ledger): boolean {
  return owners.size > 0 || partition.of > 1
}

export function ownerOfAgent({ agents }: Ledger, agent: string): string {
  return agents.get(agent)?.owner ?? DEFAULT_OWNER
}

/** `undefined` where nobody was said to own it and there are several partitions: it could be used in one and given to an owner of another. */
export function ownerOfAccount({ owners, partition }: Ledger, account: string): string | undefined {
  return owners.get(account) ?? (partition.of > 1 ? undefined : DEFAULT_OWNER)
}

/** Whether what an agent does is decided in this partition. */
export function isHere(ledger: Ledger, agent: string): boolean {
  const { number, of } = ledger.partition
  return of === 1 || partitionOf(ownerOfAgent(ledger, agent), of) === number
}

/** Whether an account is of the agent's owner; it is while nobody's are told apart. */
export function isOfOwner(ledger: Ledger, agent: string, account: string): boolean {
  return !areOwnersKept(ledger) || ownerOfAccount(ledger, account) === ownerOfAgent(ledger, agent)
}

/** What the action is about and its agent's owner does not own: an account, or what a change names; `undefined` where all is of one owner. Its strategy is the agent's own. */
export function foreignTo(ledger: Ledger, { agent, action, account }: Subject): string | undefined {
  if (!areOwnersKept(ledger)) return undefined
  const owner = ownerOfAgent(ledger, agent)
  if (account !== undefined) return ownerOfAccount(ledger, account) === owner ? undefined : account
  return action.type === 'change' && isOthers(ledger, action.target, owner) ? action.target : undefined
}

/** Whether `name` is an account, agent or strategy of somebody else. */
function isOthers(ledger: Ledger, name: string, owner: string): boolean {
  return (
    (ledger.owners.get(name) ?? owner) !== owner ||
    ledger.agents.some(
      (state, agent) =>
        ownerOfAgent(ledger, agent) !== owner && (agent === name || state.strategies.includes(name)),
    )
  )
}

/** Two agents of different owners that run one strategy. */
export interface SharedStrategy {
  readonly strategy: string
  readonly agents: readonly [string, string]
}

/** The strategy that `registration` would share with an agent of another owner; `undefined` where there is none. */
export function sharedBy(ledger: Ledger, registration: AgentRegistration): SharedStrategy | undefined {
  const { agent, owner = DEFAULT_OWNER, strategies } = registration
  if (strategies.length === 0) return undefined
  for (const [other, state] of ledger.agents) {
    if (other === agent || ownerOfAgent(ledger, other) === owner) continue
    const strategy = strategies.find((name) => state.strategies.includes(name))
    if (strategy !== undefined) return { strategy, agents: [agent, other] }
  }
  return undefined
}

/** A strategy that agents of two owners run; `undefined` where there is none. */
export function sharedIn(ledger: Ledger): SharedStrategy | undefined {
  const first = new Map<string, string>()
  for (const [agent, { strategies }] of ledger.agents) {
    for (const strategy of strategies) {
      const other = first.get(strategy) ?? agent
      first.set(strategy, other)
      if (ownerOfAgent(ledger, other) !== ownerOfAgent(ledger, agent))
        return { strategy, agents: [other, agent] }
    }
  }
  return undefined
}
