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
  /** Votes with a veto that must say yes. */
  readonly consents: number
}

/** What those who have not voted could still bring. */
export interface Waiting {
  readonly weight: number
  /** Those whose vote weighs anything. */
  readonly voters: number
  readonly vetoes: number
}

export const NO_VOTES: Tally = { yes: 0, no: 0, abstain: 0, yesVoters: 0, vetoed: false, consents: 0 }

/** The rule of `policy` among `voters`, for their frozen `total`. Products stay below 2^53, since totals and fractions are at most 10^6: nothing is rounded. */
export function ruleOf(
  { quorum, support, minimumVoters, consent }: Policy,
  total: number,
  voters: readonly Pick<Voter, 'veto'>[],
): Rule {
  const vetoes = voters.reduce((sum, { veto }) => sum + (veto ? 1 : 0), 0)
  return {
    total,
    quorumWeight: Math.ceil((quorum[0] * total) / quorum[1]),
    support,
    minimumVoters,
    consents: consent === 'all' ? vetoes : Math.min(1, vetoes),
  }
}

/**
 * Why these votes do not approve; `null` where they do. A proposal is approved if and only if nobody vetoes, yes ≥ quorum × total,
 * yes > support × (yes + no), enough voters say yes, and so do those who could have vetoed. Each part only gains from a yes, and from no
 * other vote: so a no or an abstention never approves, and silence is no better than an abstention, that of who could have vetoed neither.
 */
export function rejectionOf(rule: Rule, tally: Tally): RejectionReason | null {
  return tally.vetoed ? 'veto' : shortfall(rule, tally)
}

function shortfall(rule: Rule, { yes, no, yesVoters, consents }: Counts): RejectionReason | null {
  if (yes < rule.quorumWeight) return 'quorum'
  if (yes * rule.support[1] <= rule.support[0] * (yes + no)) return 'support'
  if (yesVoters < rule.minimumVoters) return 'voters'
  return consents < rule.consents ? 'consent' : null
}

type Counts = Pick<Tally, 'yes' | 'no' | 'yesVoters' | 'consents'>

/** What is certain whatever `waiting` does, later equivocation aside; `undefined` while it is not. */
export function settled(rule: Rule, tally: Tally, waiting: Waiting): 'approved' | 'rejected' | undefined {
  const { yes, no, yesVoters, vetoed, consents } = tally
  const best = shortfall(rule, {
    yes: yes + waiting.weight,
    no,
    yesVoters: yesVoters + waiting.voters,
    consents: consents + waiting.vetoes,
  })
  if (vetoed || best !== null) return 'rejected'
  const worst = shortfall(rule, { yes, no: no + waiting.weight, yesVoters, consents })
  return waiting.vetoes === 0 && worst === null ? 'approved' : undefined
}

/** `tally` with one vote more, or, where `sign` is −1, with one less. A veto is never taken back. */
export function count(tally: Tally, choice: Choice, voter: Voter, sign: 1 | -1): Tally {
  const { yes, no, abstain, yesVoters, vetoed, consents } = tally
  const weight = sign * voter.carries
  const one = voter.carries > 0 ? sign : 0
  switch (choice) {
    case 'yes':
      return {
        yes: yes + weight,
        no,
        abstain,
        yesVoters: yesVoters + one,
        vetoed,
        consents: consents + (voter.veto ? sign : 0),
      }
    case 'no':
      return { yes, no: no + weight, abstain, yesVoters, vetoed: vetoed || voter.veto, consents }
    case 'abstain':
      return { yes, no, abstain: abstain + weight, yesVoters, vetoed, consents }
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
