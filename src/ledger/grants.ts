/** Grants as the ledger keeps them: what each allows, who stands behind it, and how often it was used. */
import { OrderedMap } from 'immutable'
import type { Event } from '../protocol/event.ts'
import type { Proposal } from '../protocol/proposal.ts'
import type { Roster } from '../protocol/roster.ts'
import type { GRANT_STATES, GrantTerms, GrantUse } from '../protocol/grant.ts'

type GrantEvent = Extract<Event, { type: 'grantProposed' | 'grantApproved' | 'grantRevoked' }>

/** An operator's word. */
export interface GrantWord {
  readonly operator: string
  readonly reason: string
  readonly at: number
}

export interface Grant {
  readonly id: string
  readonly terms: GrantTerms
  /** Hash of the constitution that it is an exception to. */
  readonly constitution: string
  readonly proposed: GrantWord
  readonly approved: GrantWord | undefined
  readonly revoked: GrantWord | undefined
  /** Whether another constitution came into force; it stays ended when the old one comes back. */
  readonly superseded: boolean
  readonly used: number
  /** What agents vote on before it holds; `undefined` where another operator approves it. */
  readonly proposal: string | undefined
  /** The agents that were asked, and their owners: nobody who had a vote on it, nor his desk, may use it. */
  readonly asked: readonly string[]
}

/** By id, from the oldest. */
export type Grants = OrderedMap<string, Grant>
export type GrantState = (typeof GRANT_STATES)[number]

export const NO_GRANTS: Grants = OrderedMap()

/** Grants proposed or live at once. */
export const GRANTS_MAX = 100
/** Grants kept, those that are over among them, so that whoever asks for one is told what became of it. */
export const GRANTS_KEPT_MAX = 200

/** Where a grant stands at `now` (milliseconds since 1970). */
export function stateOf({ terms, approved, revoked, superseded, used }: Grant, now: number): GrantState {
  if (revoked !== undefined) return 'revoked'
  if (superseded) return 'superseded'
  if (used >= terms.uses) return 'used'
  if (now >= terms.until) return 'expired'
  return approved === undefined ? 'proposed' : 'live'
}

/** How many could still let something through. */
export function openGrants(grants: Grants, now: number): number {
  return grants.count((grant) => isOpen(grant, now))
}

function isOpen(grant: Grant, now: number): boolean {
  const state = stateOf(grant, now)
  return state === 'proposed' || state === 'live'
}

/** The grants after an operator’s word on one, given at `at` under the constitution with that hash. */
export function grantsAfter(
  grants: Grants,
  event: GrantEvent,
  at: number,
  constitution: string | undefined,
): Grants {
  const { grant: id, by: operator, reason } = event
  const word = { operator, reason, at }
  if (event.type === 'grantProposed') {
    return withRoom(grants, at).set(id, {
      id,
      terms: event.terms,
      constitution: constitution ?? '',
      proposed: word,
      approved: undefined,
      revoked: undefined,
      superseded: false,
      used: 0,
      proposal: event.proposal,
      asked: [],
    })
  }
  const grant = grants.get(id)
  if (grant === undefined) return grants
  return grants.set(id, { ...grant, [event.type === 'grantApproved' ? 'approved' : 'revoked']: word })
}

/** Agents are asked about an exception. */
export function grantAsked(grants: Grants, { subject }: Proposal, { voters }: Roster): Grants {
  const grant = subject.kind === 'grant' ? grants.get(subject.grant) : undefined
  if (grant === undefined) return grants
  const asked = [...new Set(voters.flatMap(({ agent, owner }) => [agent, owner]))].toSorted()
  return grants.set(grant.id, { ...grant, asked })
}

/** Whether an agent of `desk` had a vote on it. */
export function hadVoteOn({ asked }: Grant, agent: string, desk: string): boolean {
  return asked.includes(agent) || asked.includes(desk)
}

/** The grants with room for one more: the oldest that is over makes it. */
function withRoom(grants: Grants, now: number): Grants {
  if (grants.size < GRANTS_KEPT_MAX) return grants
  const over = grants.findKey((grant) => !isOpen(grant, now))
  return over === undefined ? grants : grants.delete(over)
}

/** Another constitution is in force: an exception to the old one is none to the new. */
export function supersede(grants: Grants): Grants {
  return grants.isEmpty() ? grants : grants.map((grant) => ({ ...grant, superseded: true }))
}

/** Counts the grants that a decision used. */
export function countUses(grants: Grants, uses: readonly GrantUse[] | undefined): Grants {
  let counted = grants
  for (const { grant: id } of uses ?? []) {
    const grant = counted.get(id)
    if (grant !== undefined) counted = counted.set(id, { ...grant, used: grant.used + 1 })
  }
  return counted
}
