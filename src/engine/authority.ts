/** On whose word an allowed action rests, and why it must not be sent any more once that was taken back. */
import { roundOf } from '../consensus/rounds.ts'
import { findOrder } from '../ledger/orders.ts'
import { foreignTo } from '../ledger/owners.ts'
import { usedBy } from '../ledger/signoffs.ts'
import { isOwnStrategy, subjectOf } from '../ledger/subject.ts'
import type { Action } from '../protocol/action.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import { endedSince } from './grants.ts'
import { wordsIn, type OpenPermit } from './permits.ts'
import { unsignedSince } from './signoffs.ts'
import type { State } from './state.ts'
import type { Held } from './step.ts'

/** What an action was allowed by besides the rules. */
export type Authority = Pick<OpenPermit, 'agent' | 'action' | 'grants' | 'approvals' | 'signoffs'>

/** That of a verdict: its sign-offs by its permit, and once that is spent as far as they are kept. */
export function authorityOf({ permits, ledger }: State, decided: DecisionCore): Authority {
  const { decision, request, action } = decided
  const signoffs = permits.open.get(decision)?.signoffs ?? usedBy(ledger.signoffs, decision, action)
  return { agent: request.agent, action, ...wordsIn(decided), signoffs }
}

/** Why what `decision` allowed must not be sent at `now`: its agent was taken out of service or is not whose it is any more, or a grant, an approval or a sign-off that it rests on was taken back or is over. */
export function withdrawnSince(
  state: State,
  decision: string,
  { agent, action, grants = [], approvals = [], signoffs = [] }: Authority,
  now: number,
): Held | undefined {
  return (
    retiredSince(state, agent, action) ??
    foreignSince(state, decision, agent, action) ??
    endedSince(state, decision, grants, now) ??
    unapprovedSince(state, decision, approvals, now) ??
    unsignedSince(state, decision, signoffs)
  )
}

function retiredSince({ ledger }: State, agent: string, action: Action): Held | undefined {
  return action.type === 'cancel' || ledger.agents.get(agent)?.retiredAt === undefined
    ? undefined
    : { code: 'AGENT_UNKNOWN', detail: `\`${agent}\` was taken out of service` }
}

/** An agent acts on what is its owner's, and for strategies that it is registered with; both may be said otherwise meanwhile. */
function foreignSince({ ledger }: State, decision: string, agent: string, action: Action): Held | undefined {
  if (action.type === 'cancel') return undefined
  const strategy = findOrder(ledger, decision)?.strategy
  const lost = strategy === undefined || isOwnStrategy(ledger, agent, strategy) ? undefined : strategy
  const what = foreignTo(ledger, subjectOf(ledger, agent, action)) ?? lost
  if (what === undefined) return undefined
  const detail = `${decision} was allowed to ${agent}, and \`${what}\` is not its any more`
  return { code: 'AUTHORITY_ENDED', detail }
}

/** Whoever may end a round may end what it approved, also once that was drawn on. */
function unapprovedSince(
  { quorum }: State,
  decision: string,
  approvals: readonly string[],
  now: number,
): Held | undefined {
  for (const proposal of approvals) {
    const round = roundOf(quorum.rounds, proposal)
    const held = (why: string): Held => ({
      code: 'APPROVAL_ENDED',
      detail: `${decision} was allowed by what \`${proposal}\` approved, which ${why}`,
    })
    if (round?.state !== 'approved') {
      // Nobody can end what is not kept; what can still be drawn on was not ended before that.
      if (!quorum.approvals.has(proposal)) return held('is not kept any more')
    } else if (round.ended !== null) return held(`\`${round.ended.by}\` took back (${round.ended.how})`)
    else if (now >= round.envelope.until)
      return held(`ended at ${new Date(round.envelope.until).toISOString()}`)
  }
  return undefined
}
