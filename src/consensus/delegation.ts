/** Who casts whose votes: by field, one level, given and taken back by the agent itself. */
import type { ExpertField } from '../protocol/policy.ts'
import type { Delegation } from '../protocol/roster.ts'
import { refuse, type Refusal } from './refusal.ts'

/** Delegations that are kept at most. */
export const DELEGATIONS_MAX = 10_000

/** What an agent may not change meanwhile: the fields of open rounds in which it voted. */
export type VotedOn = ReadonlySet<ExpertField>

/**
 * `delegations` with one more; a second one of the same agent on the same field replaces the first. Rounds that are open keep their
 * rosters, so it counts from the next round on.
 */
export function delegate(
  delegations: readonly Delegation[],
  { from, to, field }: Delegation,
  votedOn: VotedOn,
): readonly Delegation[] | Refusal {
  if (from === to) return refuse('DELEGATION_TO_SELF', `\`${from}\` named itself`)
  if (votedOn.has(field)) return refuse('DELEGATION_AFTER_VOTE', `\`${from}\` voted on ${field}`)
  const onward = delegations.find((other) => other.field === field && other.from === to)
  if (onward !== undefined)
    return refuse('DELEGATION_CHAIN', `\`${to}\` has delegated ${field} to \`${onward.to}\``)
  const inward = delegations.find((other) => other.field === field && other.to === from)
  if (inward !== undefined)
    return refuse('DELEGATION_CHAIN', `\`${from}\` votes on ${field} for \`${inward.from}\``)
  const others = delegations.filter((other) => !isOf(other, from, field))
  if (others.length >= DELEGATIONS_MAX) return refuse('DELEGATIONS_FULL', `there are ${DELEGATIONS_MAX}`)
  return [...others, { from, to, field }]
}

/** `delegations` without that of `from` on `field`. */
export function revoke(
  delegations: readonly Delegation[],
  from: string,
  field: ExpertField,
  votedOn: VotedOn,
): readonly Delegation[] | Refusal {
  if (!delegations.some((other) => isOf(other, from, field)))
    return refuse('DELEGATION_UNKNOWN', `\`${from}\` votes on ${field} itself`)
  if (votedOn.has(field)) return refuse('DELEGATION_AFTER_VOTE', `\`${from}\` voted on ${field}`)
  return delegations.filter((other) => !isOf(other, from, field))
}

/**
 * Who casts whose vote among `members`, by the agent who delegates. A delegation counts where both are members, and where the delegate has not
 * delegated itself: otherwise the agent votes itself.
 */
export function delegatesAmong(
  members: ReadonlySet<string>,
  delegations: readonly Delegation[],
  field: ExpertField,
): ReadonlyMap<string, string> {
  const own = delegations.filter((one) => one.field === field && members.has(one.from))
  const delegating = new Set(own.map(({ from }) => from))
  return new Map(
    own
      .filter(({ from, to }) => from !== to && members.has(to) && !delegating.has(to))
      .map(({ from, to }) => [from, to]),
  )
}

function isOf(delegation: Delegation, from: string, field: ExpertField): boolean {
  return delegation.from === from && delegation.field === field
}
