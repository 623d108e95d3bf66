/** Checks a certificate by counting its votes again: pure, and all that a client needs. */
import { Certificate, type RejectionReason, type Tally } from '../protocol/certificate.ts'
import { describeIssues } from '../protocol/issues.ts'
import type { Choice, Vote } from '../protocol/proposal.ts'
import type { Voter } from '../protocol/roster.ts'
import { digestOf } from '../base/hash.ts'
import { rosterProblems } from './verify-roster.ts'
import { count, NO_VOTES, rejectionOf, ruleOf, settled, waitingFor, without, type Rule } from './tally.ts'
import { verifyVote } from './vote.ts'

/** What the reader knows from elsewhere. A certificate proves only that its parts belong together; these tie it to the world. */
export interface Expected {
  /** The agents' public keys (SPKI PEM) as the operator registered them: every voter must be among them with this key. */
  readonly keys?: ReadonlyMap<string, string>
  /** The proposal's id. */
  readonly round?: string
  /** The digest of what was proposed. */
  readonly digest?: string
  readonly constitution?: string
  /** The hash of the policy in force. */
  readonly policy?: string
}

export type Verification =
  | { readonly isValid: true; readonly certificate: Certificate }
  | { readonly isValid: false; readonly problems: readonly string[] }

/**
 * Whether `certificate` is whole and says what follows from its votes: hashes, weights, caps, vetoes and delegations as the policy wants them,
 * every vote by a voter with a good signature over this round, these weights and this constitution, in time; the tally, the outcome and its reason
 * counted again; and closed before the deadline only where nothing still to come could have changed it. Any value may be handed in; none makes it throw.
 */
export function verifyCertificate(certificate: unknown, expected: Expected = {}): Verification {
  const parsed = Certificate.safeParse(certificate)
  if (!parsed.success) return { isValid: false, problems: [describeIssues(parsed.error)] }
  const it = parsed.data
  const problems = [
    ...expectationProblems(it, expected),
    ...hashProblems(it),
    ...rosterProblems(it),
    ...voteProblems(it),
    ...timeProblems(it),
    ...outcomeProblems(it),
  ]
  return problems.length === 0 ? { isValid: true, certificate: it } : { isValid: false, problems }
}

function expectationProblems({ proposal, policyHash, roster }: Certificate, expected: Expected): string[] {
  return [
    ...differs('round', proposal.proposal, expected.round),
    ...differs('digest', proposal.digest, expected.digest),
    ...differs('constitution', proposal.constitution, expected.constitution),
    ...differs('policy', policyHash, expected.policy),
    ...roster.voters
      .filter(({ agent, publicKey }) => expected.keys !== undefined && expected.keys.get(agent) !== publicKey)
      .map(({ agent }) => `the key of \`${agent}\` is not the one registered`),
  ]
}

function differs(what: string, found: string, wanted: string | undefined): string[] {
  return wanted === undefined || found === wanted
    ? []
    : [`the ${what} is \`${found}\`, expected \`${wanted}\``]
}

function hashProblems(it: Certificate): string[] {
  const { certificate, ...body } = it
  return [
    ...differs('hash', certificate, digestOf(body)),
    ...differs('proposal’s digest', it.proposal.digest, digestOf(it.proposal.subject)),
    ...differs('policy’s hash', it.policyHash, digestOf(it.policy)),
    ...differs('policy’s hash in the roster', it.roster.policy, it.policyHash),
    ...differs('policy', it.proposal.policy, it.policy.name),
    ...differs('roster’s hash', it.rosterHash, digestOf(it.roster)),
  ]
}

function voteProblems(it: Certificate): string[] {
  const voters = new Map(it.roster.voters.map((voter) => [voter.agent, voter]))
  const problems: string[] = []
  const check = (vote: Vote): void => {
    const voter = voters.get(vote.agent)
    if (voter === undefined || voter.delegate !== null)
      problems.push(`\`${vote.agent}\` casts no vote in this round`)
    else if (
      vote.round !== it.proposal.proposal ||
      vote.digest !== it.proposal.digest ||
      vote.constitution !== it.proposal.constitution ||
      vote.roster !== it.rosterHash
    )
      problems.push(`the vote of \`${vote.agent}\` is for something else`)
    else if (!verifyVote(vote, voter.publicKey))
      problems.push(`the vote of \`${vote.agent}\` is not signed by its key`)
  }
  for (const { vote } of it.votes) check(vote)
  const byAgent = new Map(it.votes.map(({ vote }) => [vote.agent, vote]))
  for (const { first, second } of it.equivocations) {
    check(second)
    const cast = byAgent.get(first.agent)
    if (
      second.agent !== first.agent ||
      second.choice === first.choice ||
      cast?.signature !== first.signature ||
      cast.choice !== first.choice
    )
      problems.push(`the equivocation of \`${first.agent}\` does not hold`)
  }
  problems.push(
    ...orderProblems(
      'votes',
      it.votes.map(({ vote }) => vote),
    ),
  )
  problems.push(
    ...orderProblems(
      'equivocations',
      it.equivocations.map(({ first }) => first),
    ),
  )
  return problems
}

function orderProblems(what: string, votes: readonly Vote[]): string[] {
  const isSorted = votes.every((vote, index) => index === 0 || (votes[index - 1]?.agent ?? '') < vote.agent)
  return isSorted ? [] : [`the ${what} do not name each voter once, in order`]
}

function timeProblems({
  opened,
  deadline,
  closed,
  extensions,
  votes,
  equivocations,
  policy,
}: Certificate): string[] {
  const most = opened + policy.deadline.mostMs + extensions * (policy.extension?.byMs ?? 0)
  const least = opened + policy.deadline.leastMs + extensions * (policy.extension?.byMs ?? 0)
  const times = [...votes, ...equivocations].map(({ at }) => at)
  return [
    ...(extensions <= (policy.extension?.times ?? 0)
      ? []
      : ['it was extended more often than the policy allows']),
    ...(deadline >= least && deadline <= most ? [] : ['the deadline is outside the policy’s bounds']),
    ...(closed >= opened && closed <= deadline ? [] : ['it did not close between opening and deadline']),
    ...(times.every((at) => at >= opened && at <= closed && at < deadline)
      ? []
      : ['a vote came out of time']),
  ]
}

function outcomeProblems(it: Certificate): string[] {
  const rule = ruleOf(it.policy, it.roster.total, it.roster.voters)
  const { tally, isSettled } = recount(it, rule)
  const reason = rejectionOf(rule, tally)
  const isStopped = it.outcome === 'withdrawn' || it.outcome === 'cancelled'
  const isCounted = it.outcome === (reason === null ? 'approved' : 'rejected') && it.reason === reason
  return [
    ...(isSameTally(tally, it.tally) ? [] : ['the tally is not that of the votes']),
    ...(isStopped
      ? stopProblems(it, isSettled, it.reason)
      : isCounted
        ? []
        : ['the outcome is not that of the votes']),
    ...(isStopped || it.closed === it.deadline || isSettled
      ? []
      : ['it closed while a vote could change it']),
    ...(isStopped || it.by === null ? [] : ['nobody stopped it, and somebody is named']),
    ...envelopeProblems(it),
  ]
}

/** The votes counted from the beginning, in no order: each final choice once, an equivocation as against. */
function recount(it: Certificate, rule: Rule): { tally: Tally; isSettled: boolean } {
  const voters = new Map(it.roster.voters.map((voter) => [voter.agent, voter]))
  const against = new Set(it.equivocations.map(({ first }) => first.agent))
  let tally = NO_VOTES
  let waiting = waitingFor(it.roster.voters)
  for (const { vote } of it.votes) {
    const voter: Voter | undefined = voters.get(vote.agent)
    if (voter === undefined) continue
    const choice: Choice = against.has(vote.agent) ? 'no' : vote.choice
    tally = count(tally, choice, voter, 1)
    waiting = without(waiting, voter)
  }
  return { tally, isSettled: settled(rule, tally, waiting) !== undefined }
}

function isSameTally(a: Tally, b: Tally): boolean {
  return (
    a.yes === b.yes &&
    a.no === b.no &&
    a.abstain === b.abstain &&
    a.yesVoters === b.yesVoters &&
    a.vetoed === b.vetoed &&
    a.consents === b.consents
  )
}

function stopProblems(
  { outcome, by, proposal, closed, deadline }: Certificate,
  isSettled: boolean,
  reason: RejectionReason | null,
): string[] {
  return [
    ...(isSettled || closed >= deadline ? ['it was stopped after it was decided'] : []),
    ...(by === null || reason !== null ? ['who stopped it is not named'] : []),
    ...(outcome === 'withdrawn' && by !== proposal.agent ? ['it was not withdrawn by who proposed it'] : []),
  ]
}

function envelopeProblems({ outcome, envelope, proposal, closed, policy }: Certificate): string[] {
  if (outcome !== 'approved') return envelope === null ? [] : ['only what is approved has an envelope']
  const isRight =
    envelope?.digest === proposal.digest &&
    envelope.constitution === proposal.constitution &&
    envelope.until === closed + policy.envelopeMs
  return isRight ? [] : ['the envelope is not that of what was approved']
}
