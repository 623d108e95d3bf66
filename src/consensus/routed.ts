/** Which specialists are asked where a proposal is routed: those of the fields, never without those whose no rejects. */
import { EXPERT_FIELDS, type ExpertField, type Policy } from '../protocol/policy.ts'
import type { Voter } from '../protocol/roster.ts'
import { isIn } from './weights.ts'

/** The fields asked, in order: `ask` and all that have a veto by the policy, so that routing gets rid of none. */
export function askedFields({ vetoes }: Pick<Policy, 'vetoes'>, ask: readonly ExpertField[]): ExpertField[] {
  return EXPERT_FIELDS.filter((field) => ask.includes(field) || isIn(vetoes, { role: 'specialist', field }))
}

/** Whether an agent is asked where specialists in `fields` are; who is none is always asked, and everybody where nothing is routed (`null`). */
export function isAsked(
  fields: readonly ExpertField[] | null,
  { role, field }: Pick<Voter, 'role' | 'field'>,
): boolean {
  return fields === null || role !== 'specialist' || field === null || fields.includes(field)
}
