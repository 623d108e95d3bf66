/** Who votes on a proposal, by the agents as they are; kept from round to round while nothing that it rests on changed. */
import { barredFrom } from '../consensus/barred.ts'
import type { Refusal } from '../consensus/refusal.ts'
import { freezeRoster, type FrozenRoster } from '../consensus/roster.ts'
import type { Policy } from '../protocol/policy.ts'
import type { Proposal } from '../protocol/proposal.ts'
import type { State } from './state.ts'
import { agentsOf } from './voters.ts'

/** The roster of a round on `proposal`; or why it cannot open. */
export function rosterOf(
  { quorum, ledger }: Pick<State, 'quorum' | 'ledger'>,
  proposal: Proposal,
  policy: Policy,
  now: number,
): FrozenRoster | Refusal {
  return freezeRoster({
    policy,
    agents: agentsOf(ledger, now),
    delegations: quorum.delegations,
    proposer: proposal.agent,
    barred: barredFrom(proposal.subject),
    routed: proposal.routing?.fields ?? null,
    // The same question is drawn by the same orders, wherever it is derived again.
    seed: Number.parseInt(proposal.digest.slice(0, 8), 16),
  })
}
