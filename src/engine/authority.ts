/** On whose word an allowed action rests, and why it must not be sent any more once that was taken back. */
import { roundOf } from '../consensus/rounds.ts'
import type { Action } from '../protocol/action.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import { endedSince } from './grants.ts'
import type { OpenPermit } from './permits.ts'
import { unsignedSince } from './signoffs.ts'
import type { State } from './state.ts'
import type { Held } from './step.ts'

/** What an action was allowed by besides the rules. */
export type Authority = Pick<OpenPermit, 'agent' | 'action' | 'grants' | 'approvals' | 'signoffs'>

/** That of a verdict: its sign-offs by its permit, and once that is spent as far as they are kept. */
export function authorityOf(
  { permits, ledger }: Pick<State, 'permits' | 'ledger'>,
  { decision, request, action, grants, approvals }: DecisionCore,
): Authority {
  const signoffs =
    permits.open.get(decision)?.signoffs ?? (action.type === 'transfer' ? usedBy(ledger, decision) : [])
  return {
    agent: request.agent,
    action,
    ...(grants === undefined ? {} : { grants: grants.map(({ grant }) => grant) }),
    ...(approvals === undefined ? {} : { approvals: approvals.map(({ proposal }) => proposal) }),
    signoffs,
  }
}

function usedBy({ signoffs }: State['ledger'], decision: string): string[] {
  return [...signoffs.filter((one) => one.usedBy === decision).keys()]
}

/** Why what `decision` allowed must not be sent at `now`: its agent was taken out of service, or a grant, an approval or a sign-off that it rests on was taken back or is over. */
export function withdrawnSince(
  state: State,
  decision: string,
  { agent, action, grants = [], approvals = [], signoffs = [] }: Authority,
  now: number,
): Held | undefined {
  return (
    retiredSince(state, agent, action) ??
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
