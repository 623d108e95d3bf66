/** A round of votes on one proposal: `step(round, event) → [round, effects]`. */
import { Map } from 'immutable'
import type { CastVote, Equivocation } from '../protocol/certificate.ts'
import type { Policy } from '../protocol/policy.ts'
import type { Proposal, Vote } from '../protocol/proposal.ts'
import type { Voter } from '../protocol/roster.ts'
import { waitOf, type Answers } from './deadline.ts'
import { digestOf } from '../base/hash.ts'
import { refuse, type Refusal } from './refusal.ts'
import type { FrozenRoster } from './roster.ts'
import type {
  ApprovedRound,
  ClosedRound,
  Counted,
  OpenRound,
  RejectedRound,
  Round,
  RoundEffect,
  RoundEvent,
} from './round-state.ts'
import { count, NO_VOTES, rejectionOf, ruleOf, settled, waitingFor, without } from './tally.ts'

export type RoundStep<R extends Round = Round> = readonly [R, readonly RoundEffect[]]

/**
 * A round on `proposal`, open from `at` until the deadline that the policy gives by how earlier rounds were answered (`answers`, in order of time).
 * `frozen` is made by `freezeRoster` of the same policy.
 */
export function openRound(given: {
  readonly proposal: Proposal
  readonly policy: Policy
  readonly frozen: FrozenRoster
  readonly answers: readonly Answers[]
  readonly at: number
}): OpenRound | Refusal {
  const { proposal, policy, frozen, at } = given
  if (proposal.policy !== policy.name)
    return refuse('POLICY_DIFFERS', `\`${proposal.policy}\` is not \`${policy.name}\``)
  if (proposal.digest !== digestOf(proposal.subject)) return refuse('PROPOSAL_DIFFERS', proposal.digest)
  return {
    state: 'open',
    opening: {
      proposal,
      policy,
      frozen,
      rule: ruleOf(policy, frozen.roster.total, frozen.roster.voters),
      opened: at,
    },
    deadline: at + waitOf(policy, given.answers),
    extensions: 0,
    votes: NONE_CAST,
    equivocations: NO_EVIDENCE,
    tally: NO_VOTES,
    waiting: waitingFor(frozen.roster.voters),
  }
}

const NONE_CAST: Map<string, CastVote> = Map()
const NO_EVIDENCE: Map<string, Equivocation> = Map()

/**
 * The round after `event`, and what follows from it.
 *
 * Time closes a round, not the tick that tells of it: whatever comes at the deadline or later finds the round counted at its deadline. So it does not matter in
 * which order a vote and a tick of the same time arrive. A closed round never opens again and never changes its outcome.
 */
export function step(round: Round, event: RoundEvent): RoundStep {
  if (round.state === 'open' && event.at >= round.deadline) {
    const [closed, effects] = closedAt(round, round.deadline)
    const [after, more] = step(closed, event)
    return [after, [...effects, ...more]]
  }
  switch (event.type) {
    case 'tick':
      return [round, []]
    case 'vote': {
      const refusal = refusalOf(round, event)
      if (refusal !== undefined) return [round, [refusal]]
      return round.state === 'open' ? cast(round, event) : castLate(round, event)
    }
    case 'withdraw':
      return event.by === round.opening.proposal.agent
        ? stop(round, 'withdrawn', event)
        : [round, [refuse('PROPOSER_ONLY', `\`${event.by}\` is not \`${round.opening.proposal.agent}\``)]]
    case 'cancel':
      return mayCancel(round, event)
        ? stop(round, 'cancelled', event)
        : [round, [refuse('GUARDIAN_ONLY', `\`${event.by}\` is none`)]]
  }
}

/** A guardian, or an operator who bears the name of no voter: the certificate tells the two apart by that. */
function mayCancel(
  { opening: { frozen } }: Round,
  { by, isOperator }: Extract<RoundEvent, { type: 'cancel' }>,
): boolean {
  return frozen.roster.guardians.includes(by) || (isOperator && !frozen.byName.has(by))
}

type VoteEvent = Extract<RoundEvent, { type: 'vote' }>

function refusalOf({ opening }: Round, { vote, standing, at }: VoteEvent): Refusal | undefined {
  const { proposal, frozen, opened } = opening
  if (vote.round !== proposal.proposal)
    return refuse('ROUND_DIFFERS', `\`${vote.round}\` is not \`${proposal.proposal}\``)
  const voter = frozen.byName.get(vote.agent)
  if (voter === undefined) return refuse('VOTER_UNKNOWN', nameIn(vote))
  if (standing === 'forged') return refuse('VOTE_SIGNATURE_INVALID', nameIn(vote))
  if (standing === 'retired') return refuse('VOTER_RETIRED', nameIn(vote))
  if (voter.delegate !== null)
    return refuse('VOTER_DELEGATED', `${nameIn(vote)} delegated to \`${voter.delegate}\``)
  if (vote.digest !== proposal.digest) return refuse('VOTE_DIGEST_DIFFERS', vote.digest)
  if (vote.constitution !== proposal.constitution)
    return refuse('VOTE_CONSTITUTION_DIFFERS', vote.constitution)
  if (vote.roster !== frozen.hash) return refuse('VOTE_ROSTER_DIFFERS', vote.roster)
  return at < opened ? refuse('VOTE_EARLY', `${at} is before ${opened}`) : undefined
}

function nameIn({ agent }: Vote): string {
  return `\`${agent}\``
}

/** A vote in an open round: the first is final, the same again is nothing, and another makes the voter count as against. */
function cast(round: OpenRound, { vote, at }: VoteEvent): RoundStep {
  const voter = round.opening.frozen.byName.get(vote.agent) as Voter
  const first = round.votes.get(vote.agent)
  if (first === undefined) {
    // Written out: a spread of so many members takes longer than all the counting.
    const voted: OpenRound = {
      state: 'open',
      opening: round.opening,
      deadline: round.deadline,
      extensions: round.extensions,
      equivocations: round.equivocations,
      votes: round.votes.set(vote.agent, { vote, at }),
      tally: count(round.tally, vote.choice, voter, 1),
      waiting: without(round.waiting, voter),
    }
    return advance(round, voted, { type: 'counted', agent: vote.agent, choice: vote.choice }, at)
  }
  if (first.vote.choice === vote.choice || round.equivocations.has(vote.agent))
    return [round, [{ type: 'repeated', agent: vote.agent }]]
  const evidence: Equivocation = { first: first.vote, second: vote, at }
  const against: OpenRound = {
    ...round,
    equivocations: round.equivocations.set(vote.agent, evidence),
    tally: count(count(round.tally, first.vote.choice, voter, -1), 'no', voter, 1),
  }
  return advance(round, against, { type: 'equivocated', evidence, counts: true }, at)
}

/** Closes what is settled, and gives time to answer where the count swung in the last moments. */
function advance(before: OpenRound, after: OpenRound, effect: RoundEffect, at: number): RoundStep {
  const { rule, policy } = after.opening
  if (settled(rule, after.tally, after.waiting) !== undefined) {
    const [closed, effects] = closedAt(after, at)
    return [closed, [effect, ...effects]]
  }
  const { extension } = policy
  if (
    extension === null ||
    after.deadline - at > extension.lastMs ||
    after.extensions >= extension.times ||
    (rejectionOf(rule, before.tally) === null) === (rejectionOf(rule, after.tally) === null)
  )
    return [after, [effect]]
  const deadline = after.deadline + extension.byMs
  return [{ ...after, deadline, extensions: after.extensions + 1 }, [effect, { type: 'extended', deadline }]]
}

/** The round counted as it stands. */
function closedAt(round: OpenRound, closed: number): RoundStep<ApprovedRound | RejectedRound> {
  const { proposal, policy, rule } = round.opening
  const reason = rejectionOf(rule, round.tally)
  const base = { ...counted(round), closed, late: NO_EVIDENCE }
  if (reason !== null)
    return [{ ...base, state: 'rejected', reason }, [{ type: 'closed', outcome: 'rejected' }]]
  const envelope = {
    digest: proposal.digest,
    constitution: proposal.constitution,
    until: closed + policy.envelopeMs,
  }
  return [{ ...base, state: 'approved', envelope, ended: null }, [{ type: 'closed', outcome: 'approved' }]]
}

function counted({ opening, deadline, extensions, votes, equivocations, tally }: OpenRound): Counted {
  return { opening, deadline, extensions, votes, equivocations, tally }
}

/** A vote after the close: evidence where it contradicts the one that counted, nothing otherwise. */
function castLate(round: ClosedRound, { vote, at }: VoteEvent): RoundStep {
  const first = round.votes.get(vote.agent)
  if (first === undefined)
    return [
      round,
      [refuse('ROUND_CLOSED', `${round.state} at ${round.closed}; \`${vote.agent}\` comes late`)],
    ]
  const isKnown = round.equivocations.has(vote.agent) || round.late.has(vote.agent)
  if (first.vote.choice === vote.choice || isKnown) return [round, [{ type: 'repeated', agent: vote.agent }]]
  const evidence: Equivocation = { first: first.vote, second: vote, at }
  return [
    { ...round, late: round.late.set(vote.agent, evidence) },
    [{ type: 'equivocated', evidence, counts: false }],
  ]
}

/** Withdraws or cancels: an open round ends there, and an approval that still stands is taken back. */
function stop(
  round: Round,
  how: 'withdrawn' | 'cancelled',
  { by, at }: { by: string; at: number },
): RoundStep {
  if (round.state === 'open')
    return [
      { ...counted(round), closed: at, late: NO_EVIDENCE, state: how, by },
      [{ type: 'closed', outcome: how }],
    ]
  if (round.state === 'approved' && round.ended === null && at < round.envelope.until)
    return [{ ...round, ended: { how, by, at } }, [{ type: 'ended', how }]]
  return [round, [refuse('ROUND_CLOSED', `${round.state} at ${round.closed}`)]]
}
