/** Who votes on a proposal, by the agents as they are; kept from round to round while nothing that it rests on changed. */
import type { Refusal } from '../consensus/refusal.ts'
import { freezeRoster, type Agent, type Freezing, type FrozenRoster } from '../consensus/roster.ts'
import type { Policy } from '../protocol/policy.ts'
import type { Proposal, Subject } from '../protocol/proposal.ts'
import { ownersIn, type Dealings } from '../ledger/dealers.ts'
import type { State } from './state.ts'
import { agentsOf } from './voters.ts'

/** What was frozen last under a policy. */
interface Kept {
  readonly of: Freezing
  readonly roster: FrozenRoster
}

const kept = new WeakMap<Policy, Kept>()

/** The roster of a round on `proposal`; or why it cannot open. */
export function rosterOf(
  { quorum, ledger }: Pick<State, 'quorum' | 'ledger'>,
  proposal: Proposal,
  policy: Policy,
  now: number,
): FrozenRoster | Refusal {
  const freezing: Freezing = {
    policy,
    agents: agentsOf(ledger, now),
    delegations: quorum.delegations,
    proposer: proposal.agent,
    barred: barredFrom(ledger, proposal.subject),
    routed: proposal.routing?.fields ?? null,
    // The same question is drawn by the same orders, wherever it is derived again.
    seed: Number.parseInt(proposal.digest.slice(0, 8), 16),
  }
  const last = kept.get(policy)
  if (last !== undefined && makesTheSame(last, freezing)) return last.roster
  const roster = freezeRoster(freezing)
  if (!('type' in roster)) kept.set(policy, { of: freezing, roster })
  return roster
}

/** The owners to whom what is proposed would come, in order: nobody is let through on their own word. */
export function barredFrom(dealings: Dealings, subject: Subject): readonly string[] {
  return subject.kind === 'grant' ? [...ownersIn(subject.terms.scope, dealings)].toSorted() : []
}

/** Whether freezing anew would come to the same bytes. Orders are drawn from the seed only where there are too many voters to solve their game. */
function makesTheSame({ of, roster }: Kept, to: Freezing): boolean {
  return (
    of.delegations === to.delegations &&
    of.proposer === to.proposer &&
    of.barred.join() === to.barred.join() &&
    of.routed?.join() === to.routed?.join() &&
    (of.seed === to.seed || roster.roster.power.method === 'exact') &&
    of.agents.length === to.agents.length &&
    of.agents.every((agent, index) => isSameAgent(agent, to.agents[index] as Agent))
  )
}

function isSameAgent(a: Agent, b: Agent): boolean {
  return (
    a.agent === b.agent &&
    a.role === b.role &&
    a.field === b.field &&
    a.owner === b.owner &&
    a.publicKey === b.publicKey &&
    a.isRetired === b.isRetired &&
    a.isSilent === b.isSilent &&
    isSameRecord(a.performance, b.performance)
  )
}

/** `Object.is`, since a broken record holds what is no number. */
function isSameRecord(a: Agent['performance'], b: Agent['performance']): boolean {
  if (a === null || b === null) return a === b
  return (
    a.periods === b.periods &&
    Object.is(a.sharpe, b.sharpe) &&
    Object.is(a.drawdown, b.drawdown) &&
    Object.is(a.uptime, b.uptime)
  )
}
