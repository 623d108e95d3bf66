/** Rounds of votes as they are shown. */
import { certificateOf } from '../consensus/certificate.ts'
import { roundOf } from '../consensus/rounds.ts'
import type { Round } from '../consensus/round-state.ts'
import type { State } from '../engine/state.ts'
import type { ProposalView } from '../protocol/answers.ts'
import type { Proposal } from '../protocol/proposal.ts'
import type { Roster } from '../protocol/roster.ts'

/** What tells who is concerned by a round. */
export interface Concerned {
  readonly proposal: Proposal
  readonly roster: Roster
}

/** The rounds that are open, from the one that opened first. */
export function openProposals({ quorum }: State): ProposalView[] {
  return [...quorum.rounds.open.values()].map(viewOf).toSorted((a, b) => a.opened - b.opened)
}

/** One round, open or lately decided. */
export function proposalOf({ quorum }: State, id: string): ProposalView | undefined {
  const round = roundOf(quorum.rounds, id)
  return round && viewOf(round)
}

/** What is proposed in a round that is kept, and who is concerned by it. */
export function concernedBy({ quorum }: State, id: string): Concerned | undefined {
  const opening = roundOf(quorum.rounds, id)?.opening
  return opening && { proposal: opening.proposal, roster: opening.frozen.roster }
}

function viewOf(round: Round): ProposalView {
  const { proposal, frozen, opened } = round.opening
  const { roster, hash } = frozen
  return {
    proposal,
    state: round.state,
    opened,
    deadline: round.deadline,
    rosterHash: hash,
    roster,
    votes: [...round.votes.values()].map(({ vote, at }) => ({
      agent: vote.agent,
      choice: vote.choice,
      equivocated: round.equivocations.has(vote.agent),
      at,
    })),
    tally: round.tally,
    certificate: round.state === 'open' ? null : certificateOf(round),
  }
}
