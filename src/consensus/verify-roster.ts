/** Checks that the frozen weights of a certificate are such as its policy allows. */
import type { Certificate } from '../protocol/certificate.ts'
import type { Voter } from '../protocol/roster.ts'
import { askedFields, isAsked } from './routed.ts'
import { holdsCaps } from './shares.ts'
import { isIn } from './weights.ts'

/** What is wrong with the roster; nothing where all is well. Whether the weights follow from the records is for who has the records. */
export function rosterProblems({ roster, policy, proposal, by, outcome }: Certificate): string[] {
  const { voters, total, guardians } = roster
  const byName = new Map(voters.map((voter) => [voter.agent, voter]))
  const votesFor = new Map<string, Voter[]>()
  for (const voter of voters)
    if (voter.delegate !== null)
      votesFor.set(voter.delegate, [...(votesFor.get(voter.delegate) ?? []), voter])
  const casting = voters.filter(({ delegate }) => delegate === null)
  const isSorted = voters.every(
    (voter, index) => index === 0 || (voters[index - 1]?.agent ?? '') < voter.agent,
  )
  const { routed } = roster
  const { routing } = proposal
  const { subject } = proposal
  const exempted = subject.kind === 'grant' ? subject.terms.scope.agent : undefined
  const barred = new Set(roster.barred)
  const problems: string[] = []
  const demand = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem)
  }
  demand(isSorted, 'the roster does not name each voter once, in order')
  demand(new Set(voters.map(({ publicKey }) => publicKey)).size === voters.length, 'two voters have one key')
  demand(sum(voters, 'weight') === total && sum(voters, 'carries') === total, 'the weights do not add up')
  demand(
    holdsCaps(
      casting,
      casting.map(({ carries }) => carries),
      policy.caps,
    ),
    'a vote or an owner has more weight than its cap',
  )
  demand(
    outcome !== 'cancelled' || by === null || guardians.includes(by) || !byName.has(by),
    'it was not cancelled by a guardian',
  )
  demand(
    (routed ?? []).join() === (routing === undefined ? [] : askedFields(policy, routing.fields)).join() &&
      (routed ?? []).join() === (routing?.fields ?? []).join(),
    'others were asked than the routing says',
  )
  demand(
    casting.filter(({ carries }) => carries > 0).length >= policy.minimumVoters,
    'fewer votes weigh anything than must say yes',
  )
  demand(
    barred.size === 0 || subject.kind === 'grant',
    'somebody is kept from the vote on what is about nobody',
  )
  for (const voter of voters) {
    const name = `\`${voter.agent}\``
    demand(isIn(policy.voters, voter), `${name} is in no group that votes`)
    demand(policy.proposerVotes || voter.agent !== proposal.agent, `${name} votes on its own proposal`)
    demand(voter.agent !== exempted, `${name} votes on an exception for itself`)
    demand(!barred.has(voter.agent), `${name} votes, and is said to have no vote`)
    demand(isAsked(routed, voter), `${name} was not asked`)
    const own = votesFor.get(voter.agent) ?? []
    demand(isSeat(voter, own, byName), `the delegations of ${name} do not hold`)
    const hasVeto = [voter, ...own].some((one) => isIn(policy.vetoes, one))
    demand(voter.veto === (voter.delegate === null && hasVeto), `the veto of ${name} is not the policy’s`)
  }
  return problems
}

/** A voter who delegates carries nothing, and nobody's vote; one who does not carries its own weight and that of all it votes for. */
function isSeat(voter: Voter, own: readonly Voter[], byName: ReadonlyMap<string, Voter>): boolean {
  if (voter.delegate !== null)
    return (
      voter.carries === 0 && own.length === 0 && byName.has(voter.delegate) && voter.delegate !== voter.agent
    )
  return voter.carries === voter.weight + sum(own, 'weight')
}

function sum(voters: readonly Voter[], key: 'weight' | 'carries'): number {
  return voters.reduce((all, voter) => all + voter[key], 0)
}
