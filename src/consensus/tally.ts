/** The decision rule, in whole numbers: when votes approve, and when no vote still to come could change that. */
import type { RejectionReason, Tally } from '../protocol/certificate.ts'
import type { Policy, Share } from '../protocol/policy.ts'
import type { Choice } from '../protocol/proposal.ts'
import type { Voter } from '../protocol/roster.ts'

/** What it takes, for a frozen total. */
export interface Rule {
  readonly total: number
  /** Least weight of the yes votes: the quorum of the total, rounded up. */
  readonly quorumWeight: number
  readonly support: Share
  readonly minimumVoters: number
}

/** What those who have not voted could still bring. */
export interface Waiting {
  readonly weight: number
  /** Those whose vote weighs anything. */
  readonly voters: number
  readonly vetoes: number
}

export const NO_VOTES: Tally = { yes: 0, no: 0, abstain: 0, yesVoters: 0, vetoed: false }

/** The rule of `policy` for a frozen `total`. Products stay below 2^53, since totals and fractions are at most 10^6: nothing is rounded. */
export function ruleOf({ quorum, support, minimumVoters }: Policy, total: number): Rule {
  return { total, quorumWeight: Math.ceil((quorum[0] * total) / quorum[1]), support, minimumVoters }
}

/**
 * Why these votes do not approve; `null` where they do. A proposal is approved if and only if nobody vetoes, yes ≥ quorum × total,
 * yes > support × (yes + no), and enough voters say yes. Each part only gains from a yes, and from no other vote: so a no or an
 * abstention never approves, and silence is no better than an abstention.
 */
export function rejectionOf(rule: Rule, { yes, no, yesVoters, vetoed }: Tally): RejectionReason | null {
  return vetoed ? 'veto' : shortfall(rule, yes, no, yesVoters)
}

function shortfall(rule: Rule, yes: number, no: number, yesVoters: number): RejectionReason | null {
  if (yes < rule.quorumWeight) return 'quorum'
  if (yes * rule.support[1] <= rule.support[0] * (yes + no)) return 'support'
  return yesVoters < rule.minimumVoters ? 'voters' : null
}

/** What is certain whatever `waiting` does, later equivocation aside; `undefined` while it is not. */
export function settled(rule: Rule, tally: Tally, waiting: Waiting): 'approved' | 'rejected' | undefined {
  const { yes, no, yesVoters, vetoed } = tally
  const best = shortfall(rule, yes + waiting.weight, no, yesVoters + waiting.voters)
  if (vetoed || best !== null) return 'rejected'
  const worst = shortfall(rule, yes, no + waiting.weight, yesVoters)
  return waiting.vetoes === 0 && worst === null ? 'approved' : undefined
}

/** `tally` with one vote more, or, where `sign` is −1, with one less. A veto is never taken back. */
export function count(tally: Tally, choice: Choice, voter: Voter, sign: 1 | -1): Tally {
  const { yes, no, abstain, yesVoters, vetoed } = tally
  const weight = sign * voter.carries
  const one = voter.carries > 0 ? sign : 0
  switch (choice) {
    case 'yes':
      return { yes: yes + weight, no, abstain, yesVoters: yesVoters + one, vetoed }
    case 'no':
      return { yes, no: no + weight, abstain, yesVoters, vetoed: vetoed || voter.veto }
    case 'abstain':
      return { yes, no, abstain: abstain + weight, yesVoters, vetoed }
  }
}

/** What all voters of a roster could bring before any has voted. Those who delegate bring nothing. */
export function waitingFor(voters: readonly Voter[]): Waiting {
  let [weight, weighing, vetoes] = [0, 0, 0]
  for (const voter of voters) {
    if (voter.delegate !== null) continue
    weight += voter.carries
    if (voter.carries > 0) weighing += 1
    if (voter.veto) vetoes += 1
  }
  return { weight, voters: weighing, vetoes }
}

/** `waiting` without one who has voted now. */
export function without(waiting: Waiting, voter: Voter): Waiting {
  return {
    weight: waiting.weight - voter.carries,
    voters: waiting.voters - (voter.carries > 0 ? 1 : 0),
    vetoes: waiting.vetoes - (voter.veto ? 1 : 0),
  }
}
