/** Writes down what a round decided, so that anybody can count again. */
import type { Certificate } from '../protocol/certificate.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { digestOf } from '../base/hash.ts'
import type { ClosedRound } from './round-state.ts'

/** The certificate of a closed round. What came after the close is not part of it: it is the same whenever it is asked for. */
export function certificateOf(round: ClosedRound): Certificate {
  const { opening, votes, equivocations } = round
  const { roster, hash } = opening.frozen
  const body = {
    schema: SCHEMA_VERSION,
    proposal: opening.proposal,
    policy: opening.policy,
    policyHash: roster.policy,
    roster,
    rosterHash: hash,
    opened: opening.opened,
    deadline: round.deadline,
    extensions: round.extensions,
    closed: round.closed,
    votes: [...votes.values()].toSorted((a, b) => byAgent(a.vote, b.vote)),
    equivocations: [...equivocations.values()].toSorted((a, b) => byAgent(a.first, b.first)),
    tally: round.tally,
    outcome: round.state,
    reason: round.state === 'rejected' ? round.reason : null,
    by: round.state === 'withdrawn' || round.state === 'cancelled' ? round.by : null,
    envelope: round.state === 'approved' ? round.envelope : null,
  } as const
  return { ...body, certificate: digestOf(body) }
}

function byAgent(a: { readonly agent: string }, b: { readonly agent: string }): number {
  return a.agent < b.agent ? -1 : 1
}
